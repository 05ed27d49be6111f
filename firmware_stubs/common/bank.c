#include "bank.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { ALL_ADDRESSES = 65536 };

void index_add(register_index *index, const register_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (uint32_t address = rows[i].address; address < (uint32_t)rows[i].address + rows[i].count; address++) {
            if (address >= ALL_ADDRESSES || index->row_at[address]) {
                fprintf(stderr, "register table: %u is listed twice or beyond 65535\n", (unsigned)address);
                abort();
            }
            index->row_at[address] = &rows[i];
        }
}

bool bank_open(bank *b, const register_index *index)
{
    b->index = index;
    b->words = modbus_mapping_new_start_address(0, 0, 0, index->discrete_count, 0, ALL_ADDRESSES, 0,
                                                index->input_count);
    if (!b->words)
        return false;
    for (uint32_t address = 0; address < ALL_ADDRESSES; address++)
        if (index->row_at[address])
            b->words->tab_registers[address] = (uint16_t)index->row_at[address]->power_up;
    return true;
}

void bank_close(bank *b)
{
    if (b->words)
        modbus_mapping_free(b->words);
    b->words = NULL;
}

uint16_t bank_word(const bank *b, uint16_t address)
{
    return b->words->tab_registers[address];
}

int16_t bank_signed(const bank *b, uint16_t address)
{
    return (int16_t)bank_word(b, address);
}

void bank_put(bank *b, uint16_t address, uint16_t value)
{
    b->words->tab_registers[address] = value;
}

uint32_t bank_u32(const bank *b, uint16_t address, bool low_word_first)
{
    const uint32_t first = bank_word(b, address), second = bank_word(b, (uint16_t)(address + 1));

    return low_word_first ? second << 16 | first : first << 16 | second;
}

void bank_put_u32(bank *b, uint16_t address, uint32_t value, bool low_word_first)
{
    const uint16_t low = (uint16_t)(value & 0xFFFF), high = (uint16_t)(value >> 16);

    bank_put(b, address, low_word_first ? low : high);
    bank_put(b, (uint16_t)(address + 1), low_word_first ? high : low);
}

static double held(double value, double low, double high)
{
    return value < low ? low : value > high ? high : value;
}

uint16_t counts_u16(double value, double unit_per_count)
{
    return (uint16_t)held(floor(value / unit_per_count + 0.5), 0.0, 65535.0);
}

uint16_t counts_s16(double value, double unit_per_count)
{
    return (uint16_t)(int16_t)held(floor(value / unit_per_count + 0.5), -32768.0, 32767.0);
}
