"""What serves the API and the admin page over HTTPS."""
