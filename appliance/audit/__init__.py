"""What was done to the appliance and by whom."""
