"""Events of the database, live in browsers: one hub a process, one bounded outbox a socket."""
