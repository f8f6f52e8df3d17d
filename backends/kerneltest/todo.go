package kerneltest

var eventCases []Case
