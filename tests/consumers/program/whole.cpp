// The program in one translation unit.
#include "fit.cpp"
#include "kernel.cpp"
