/* From the inverter to its registers. */
#ifndef SHOW_H
#define SHOW_H

#include "bank.h"
#include "inverter.h"

void show(const inverter *v, bank *b);

#endif
