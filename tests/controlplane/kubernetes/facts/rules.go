package main

type rule struct{}
