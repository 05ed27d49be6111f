#include "misbehaviour.h"

const char *const MISBEHAVIOUR_NAMES[KIND_COUNT] = {"late",    "silent", "exception",   "wrong-id", "truncated",
                                                    "garbage", "revert", "ignore-write"};

#define AT(kind, field) (uint16_t)(MISBEHAVIOUR_FIRST + MISBEHAVIOUR_STRIDE * (kind) + (field))
#define ROWS_OF(kind)                                            \
    TAKES_ANY(AT(kind, FIELD_COUNT), 2, 0),                      \
    TAKES(AT(kind, FIELD_PROBABILITY), 0, 10000, 10000),         \
    TAKES_ANY(AT(kind, FIELD_SEED), 1, 0),                       \
    TAKES(AT(kind, FIELD_SCOPE), SCOPE_ALL, SCOPE_WRITES, 0),    \
    TAKES_ANY(AT(kind, FIELD_SKIP), 1, 0),                       \
    READ_ONLY(AT(kind, FIELD_HAPPENED), 1, 0)

const register_row MISBEHAVIOUR_ROWS[] = {ROWS_OF(LATE),      ROWS_OF(SILENT),  ROWS_OF(EXCEPTION), ROWS_OF(WRONG_ID),
                                          ROWS_OF(TRUNCATED), ROWS_OF(GARBAGE), ROWS_OF(REVERT),    ROWS_OF(IGNORE_WRITE)};
const size_t MISBEHAVIOUR_ROW_COUNT = sizeof MISBEHAVIOUR_ROWS / sizeof MISBEHAVIOUR_ROWS[0];

/* Spreads neighbouring seeds over the generator's states, none of which may be 0 (multiplier of Knuth's hashing). */
static uint32_t first_state(uint16_t seed, int kind)
{
    return ((uint32_t)seed * 8u + (uint32_t)kind) * 2654435761u | 1u;
}

/* Marsaglia's xorshift, 32 bits (Journal of Statistical Software 8, 2003). */
static uint32_t next_random(misbehaviour *m, misbehaviour_kind kind)
{
    uint32_t x = m->random[kind];

    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    m->random[kind] = x;
    return x;
}

uint8_t misbehaviour_byte(misbehaviour *m, misbehaviour_kind kind)
{
    return (uint8_t)(next_random(m, kind) >> 16);
}

void misbehaviour_init(misbehaviour *m)
{
    for (int kind = 0; kind < KIND_COUNT; kind++)
        m->random[kind] = first_state(0, kind);
}

bool misbehaviour_owns(uint16_t first, uint16_t count)
{
    return (uint32_t)first + count > MISBEHAVIOUR_FIRST &&
           first < MISBEHAVIOUR_FIRST + MISBEHAVIOUR_STRIDE * (int)KIND_COUNT;
}

void misbehaviour_written(misbehaviour *m, bank *b, uint16_t first, uint16_t count)
{
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        if (first > AT(kind, FIELD_TOTAL - 1) || (uint32_t)first + count <= AT(kind, 0))
            continue;
        m->random[kind] = first_state(bank_word(b, AT(kind, FIELD_SEED)), kind);
        bank_put(b, AT(kind, FIELD_HAPPENED), 0);
    }
}

static bool in_scope(misbehaviour_kind kind, uint16_t scope, bool writes)
{
    if (kind == REVERT || kind == IGNORE_WRITE)
        return writes;
    return scope == SCOPE_ALL || (scope == SCOPE_WRITES) == writes;
}

static void count_down(bank *b, uint16_t address)
{
    bank_put(b, address, (uint16_t)(bank_word(b, address) - 1));
}

static bool fires(misbehaviour *m, bank *b, misbehaviour_kind kind, bool writes)
{
    const uint16_t left = bank_word(b, AT(kind, FIELD_COUNT)), chance = bank_word(b, AT(kind, FIELD_PROBABILITY));

    if (left == 0 || !in_scope(kind, bank_word(b, AT(kind, FIELD_SCOPE)), writes))
        return false;
    if (bank_word(b, AT(kind, FIELD_SKIP)) > 0) {
        count_down(b, AT(kind, FIELD_SKIP));
        return false;
    }
    if (chance < 10000 && next_random(m, kind) / 4294967296.0 * 10000.0 >= chance)
        return false;
    if (left != UNTIL_WRITTEN_AGAIN)
        count_down(b, AT(kind, FIELD_COUNT));
    bank_put(b, AT(kind, FIELD_HAPPENED), (uint16_t)(bank_word(b, AT(kind, FIELD_HAPPENED)) + 1));
    return true;
}

fate misbehaviour_draw(misbehaviour *m, bank *b, bool writes)
{
    for (int kind = 0; kind < KIND_COUNT; kind++)
        if (fires(m, b, (misbehaviour_kind)kind, writes))
            return (fate){(misbehaviour_kind)kind, bank_word(b, AT(kind, FIELD_PARAMETER))};
    return (fate){NO_MISBEHAVIOUR, 0};
}
