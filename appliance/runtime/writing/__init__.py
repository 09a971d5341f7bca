"""From a unified record to requests that write."""
