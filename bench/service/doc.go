// Package service runs lock services side by side: each as real server processes on loopback addresses with their data on a real disk, and each
// behind the client that its makers recommend. What the workloads ask of them is the same: sessions, and mutexes in sessions.
//
// Every server gets the settings with which it does best while it keeps its promise. None may acknowledge what is not on disk.
package service
