/* From registers to the inverter's settings and orders. */
#ifndef ORDERS_H
#define ORDERS_H

#include "bank.h"
#include "inverter.h"

/* A second look at a block: what the table's ranges cannot say. */
int orders_check(const inverter *v, const bank *b, uint16_t first, const uint16_t *words, uint16_t count);

/* Settings count when they are written; an order begins, and is renewed, when its enable register is written. */
void orders_take(inverter *v, const bank *b, uint16_t first, uint16_t count);

/* Settings and surroundings as the registers hold them. */
void orders_read_settings(inverter *v, const bank *b);

/* Time passes for all orders; those of 704 go over to what was declared for the reversion. */
void orders_step(inverter *v, double dt_s);

/* Power of ten at which 1.3 times the rating fits in an int16. */
int least_power_of_ten(double rated_w);

/* What was declared for the reversion of 704, kept beside the orders: registers cannot be read while time passes. */
void orders_declare(inverter *v, const bank *b);

#endif
