"""How the web process and the program around it are run."""
