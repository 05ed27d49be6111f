/* The registers of one unit: which there are, what they take, what they hold. */
#ifndef BANK_H
#define BANK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <modbus/modbus.h>

/* One line of a stub's table of holding registers: `count` registers from `address` (zero-based, as on the wire). */
typedef struct {
    uint16_t address, count;
    bool writable, is_signed;
    int32_t low, high; /* raw values taken; a 32-bit value is checked by the stub's own check() */
    int32_t power_up;  /* of each register of the line */
} register_row;

/* Lines for such a table. */
#define READ_ONLY(address, count, power_up) {(address), (count), false, false, 0, 65535, (power_up)}
#define TAKES(address, low, high, power_up) {(address), 1, true, false, (low), (high), (power_up)}
#define TAKES_SIGNED(address, low, high, power_up) {(address), 1, true, true, (low), (high), (power_up)}
#define TAKES_ANY(address, count, power_up) {(address), (count), true, false, 0, 65535, (power_up)}

/* The map of a kind of device. Input registers and discrete inputs begin at 0; there are no coils. */
typedef struct {
    const register_row *holding;
    size_t holding_count;
    uint16_t input_count, discrete_count;
} register_map;

/* For each address its line, or NULL: made once a process. */
typedef struct {
    const register_row *row_at[65536];
    uint16_t input_count, discrete_count;
} register_index;

typedef struct {
    modbus_mapping_t *words; /* indexed by address */
    const register_index *index;
} bank;

/* Lists `count` more lines. Two lines for one address end the process: the table is wrong. */
void index_add(register_index *index, const register_row *rows, size_t count);

/* Registers at their power-up values. False where memory is short. */
bool bank_open(bank *b, const register_index *index);
void bank_close(bank *b);

uint16_t bank_word(const bank *b, uint16_t address);
int16_t bank_signed(const bank *b, uint16_t address);
void bank_put(bank *b, uint16_t address, uint16_t value);

/* 32 bits in two registers; the words' order is the device's. */
uint32_t bank_u32(const bank *b, uint16_t address, bool low_word_first);
void bank_put_u32(bank *b, uint16_t address, uint32_t value, bool low_word_first);

/* An engineering value as counts, rounded to nearest and held inside the type: what a fixed-point register shows. */
uint16_t counts_u16(double value, double unit_per_count);
uint16_t counts_s16(double value, double unit_per_count);

#endif
