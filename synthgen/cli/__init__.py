"""What each word of the command line does; `cli.py` only reads the arguments."""
