/* The ABB Drives profile (ACS580 firmware manual, "Control Word for the ABB Drives profile" and its state diagram). */
#ifndef ABB_DRIVES_H
#define ABB_DRIVES_H

#include "machine.h"

/* RAMP_IN_ZERO of the control word: low, the reference counts as 0. */
enum { ABB_RAMP_INPUT = 0x40 };

/* After power-up, a fault, OFF2 and OFF3 it is inhibited until it has seen OFF1. */
extern const profile ABB_DRIVES;

#endif
