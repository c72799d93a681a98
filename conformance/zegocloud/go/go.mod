module whowas.invalid/conformance/zegocloud

go 1.24
