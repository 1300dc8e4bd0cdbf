"""What stands between the socket and the routes: who calls, how often, how slowly, what fails."""
