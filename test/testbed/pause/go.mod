module datamill.io/test/pause

go 1.26.0
