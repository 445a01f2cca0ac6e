"""One verdict, shown three ways: JUnit for CI pages, Markdown for pull requests, a table for the terminal."""
