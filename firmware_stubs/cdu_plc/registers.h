/* What may be asked and written: the map's addresses and the values each register takes. */
#ifndef REGISTERS_H
#define REGISTERS_H

#include <stddef.h>
#include <stdint.h>

/* Modbus exception codes; 0 where the request may be carried out. */
enum { ACCEPTED = 0, ILLEGAL_FUNCTION = 1, ILLEGAL_ADDRESS = 2, ILLEGAL_VALUE = 3, TARGET_FAILED = 11 };

/* Judges one protocol data unit (function code and data). Order: function, length and quantity, addresses,
   values; a block is written whole or not at all. */
int registers_check(const uint8_t *pdu, size_t length);

/* True where the unit writes, with the first address and the count written. */
int registers_is_write(const uint8_t *pdu, uint16_t *first, uint16_t *count);

/* The power-up value of a holding register. */
uint16_t registers_power_up(uint16_t address);

#endif
