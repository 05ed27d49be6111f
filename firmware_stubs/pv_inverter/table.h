/* The registers of all models, in the order of the chain. */
#ifndef TABLE_H
#define TABLE_H

#include "bank.h"

extern const register_row MODEL_ROWS[];
extern const size_t MODEL_ROW_COUNT;

/* Letters into registers, two in each, zeros behind: how SunSpec has text. */
void put_text(bank *b, uint16_t address, uint16_t registers, const char *text);

#endif
