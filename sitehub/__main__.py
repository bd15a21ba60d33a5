"""`python -m sitehub`: how child processes call the command line."""

from sitehub.cli import main

main()
