package kerneltest

var processCases, socketCases, eventCases, systemCases []Case
