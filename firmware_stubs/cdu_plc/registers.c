#include "registers.h"

#include <stdbool.h>

#include "map.h"

typedef struct {
    uint16_t address;
    bool is_signed;
    int32_t low, high; /* raw values taken */
    int32_t power_up;
} holding_rule;

static const holding_rule HOLDING[] = {
    {HR_MODE_COMMAND, false, 0, 1, 0},
    {HR_VALVE_COMMAND, false, 0, 10000, 0},
    {HR_PUMP_COMMAND, false, 0, 10000, 0},
    {HR_HEARTBEAT, false, 0, 65535, 0},
    {HR_START_COMMAND, false, WORD_NONE, WORD_FAULT_RESET, WORD_NONE}, /* and see is_magic_word */
    {HR_SUPPLY_TEMP_SETPOINT, true, 150, 450, 300},
    {HR_DP_SETPOINT, true, 50, 650, 300},
    /* The bench stands for wires: whatever comes along a wire is taken. */
    {HR_BENCH_SUPPLY_TEMP, true, -32768, 32767, 0},
    {HR_BENCH_RETURN_TEMP, true, -32768, 32767, 0},
    {HR_BENCH_DP, true, -32768, 32767, 0},
    {HR_BENCH_FLOW, false, 0, 65535, 0},
    {HR_BENCH_LEAK, false, 0, 1, 0},
    {HR_BENCH_VALVE_STUCK, false, 0, 1, 0},
    {HR_BENCH_PUMP_TRIP, false, 0, 1, 0},
};
enum { HOLDING_COUNT = sizeof HOLDING / sizeof HOLDING[0] };

static uint16_t word_at(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static const holding_rule *find(uint32_t address)
{
    for (size_t i = 0; i < HOLDING_COUNT; i++)
        if (HOLDING[i].address == address)
            return &HOLDING[i];
    return NULL;
}

uint16_t registers_power_up(uint16_t address)
{
    const holding_rule *rule = find(address);

    return (uint16_t)(rule ? rule->power_up : 0);
}

static bool is_magic_word(uint16_t word)
{
    return word == WORD_NONE || word == WORD_START || word == WORD_STOP || word == WORD_FAULT_RESET;
}

static bool takes(const holding_rule *rule, uint16_t raw)
{
    const int32_t value = rule->is_signed ? (int32_t)(int16_t)raw : (int32_t)raw;

    if (rule->address == HR_START_COMMAND && !is_magic_word(raw))
        return false;
    return value >= rule->low && value <= rule->high;
}

static bool all_holding(uint32_t first, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (!find(first + i))
            return false;
    return true;
}

static int check_values(uint32_t first, uint32_t count, const uint8_t *values)
{
    if (!all_holding(first, count))
        return ILLEGAL_ADDRESS;
    for (uint32_t i = 0; i < count; i++)
        if (!takes(find(first + i), word_at(values + 2 * i)))
            return ILLEGAL_VALUE;
    return ACCEPTED;
}

static int check_read(int function, uint32_t first, uint32_t count)
{
    const uint32_t most = function <= 2 ? 2000 : 125;

    if (count < 1 || count > most)
        return ILLEGAL_VALUE;
    switch (function) {
    case 2: return first + count <= DI_COUNT ? ACCEPTED : ILLEGAL_ADDRESS;
    case 3: return all_holding(first, count) ? ACCEPTED : ILLEGAL_ADDRESS;
    case 4: return first + count <= IR_COUNT ? ACCEPTED : ILLEGAL_ADDRESS;
    default: return ILLEGAL_ADDRESS; /* this map has no coils */
    }
}

static int check_write_many(const uint8_t *pdu, size_t length)
{
    const bool coils = pdu[0] == 15;
    uint32_t count, bytes;

    if (length < 6)
        return ILLEGAL_VALUE;
    count = word_at(pdu + 3);
    bytes = coils ? (count + 7) / 8 : 2 * count;
    if (count < 1 || count > (coils ? 1968u : 123u) || pdu[5] != bytes || length != 6 + bytes)
        return ILLEGAL_VALUE;
    return coils ? ILLEGAL_ADDRESS : check_values(word_at(pdu + 1), count, pdu + 6);
}

int registers_check(const uint8_t *pdu, size_t length)
{
    switch (pdu[0]) {
    case 1: case 2: case 3: case 4:
        return length == 5 ? check_read(pdu[0], word_at(pdu + 1), word_at(pdu + 3)) : ILLEGAL_VALUE;
    case 5:
        return length == 5 && (pdu[3] == 0x00 || pdu[3] == 0xFF) && pdu[4] == 0 ? ILLEGAL_ADDRESS : ILLEGAL_VALUE;
    case 6: return length == 5 ? check_values(word_at(pdu + 1), 1, pdu + 3) : ILLEGAL_VALUE;
    case 15: case 16: return check_write_many(pdu, length);
    default: return ILLEGAL_FUNCTION;
    }
}

int registers_is_write(const uint8_t *pdu, uint16_t *first, uint16_t *count)
{
    if (pdu[0] != 6 && pdu[0] != 16)
        return 0;
    *first = word_at(pdu + 1);
    *count = pdu[0] == 6 ? 1 : word_at(pdu + 3);
    return 1;
}
