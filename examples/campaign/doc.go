// Package campaign is files: a campaign of very many seeds of a scenario, spread
// over the machines of a Kubernetes cluster (job.yaml, Containerfile) or by GNU
// parallel (campaign.sh).
package campaign
