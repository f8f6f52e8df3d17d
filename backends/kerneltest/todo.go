package kerneltest

var processCases, eventCases, systemCases []Case
