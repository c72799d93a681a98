package main

import "fmt"

// report counts the checks and prints a line for each.
type report struct{ passed, failed int }

// that is one check: empty faults are a pass.
func (r *report) that(name string, faults ...string) {
	var told []string
	for _, fault := range faults {
		if fault != "" {
			told = append(told, fault)
		}
	}
	if len(told) == 0 {
		r.passed++
		fmt.Println("ok   ", name)
		return
	}
	r.failed++
	fmt.Println("FAIL ", name)
	for _, fault := range told {
		fmt.Println("      ", fault)
	}
}

// same is the fault of two values that differ.
func same[T comparable](what string, got, want T) string {
	if got == want {
		return ""
	}
	return fmt.Sprintf("%s: got %v, want %v", what, got, want)
}

func trouble(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
