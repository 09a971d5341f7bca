"""Running the appliance for years: what is deleted when, and room on the disk."""
