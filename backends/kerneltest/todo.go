package kerneltest

var fileCases, processCases, socketCases, eventCases, systemCases []Case
