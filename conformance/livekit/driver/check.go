package main

import "context"

func check(ctx context.Context, servers *servers) (int, error) { return 0, nil }
