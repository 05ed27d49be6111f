/* The CiA 402 state machine (IEC 61800-7-201) as an Altivar has it. */
#ifndef CIA402_H
#define CIA402_H

#include "machine.h"

/* 15 from ready passes through switched on, in two steps. */
extern const profile CIA402;

#endif
