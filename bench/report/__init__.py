"""What is written of it: a table, a file for programs, and pictures."""
