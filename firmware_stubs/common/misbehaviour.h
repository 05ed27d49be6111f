/* The register block that makes a unit misbehave, for tests: which kind, how often, by what chance. */
#ifndef MISBEHAVIOUR_H
#define MISBEHAVIOUR_H

#include "bank.h"

/* In this order they are drawn; a request meets at most one. */
typedef enum {
    LATE,         /* parameter: ms */
    SILENT,       /* 0: not heard; 1: carried out, the reply lost */
    EXCEPTION,    /* the code, its low byte; 0 = 4 */
    WRONG_ID,     /* added to the transaction id (TCP), or its low byte to the unit id (RTU); 0 = 1 */
    TRUNCATED,    /* bytes sent, all but the last at the most; 0 = half */
    GARBAGE,      /* bytes sent; 0 = as many as the answer has */
    REVERT,       /* ms of the device's time until what was written falls back */
    IGNORE_WRITE, /* acknowledged, not taken */
    KIND_COUNT,
    NO_MISBEHAVIOUR = KIND_COUNT
} misbehaviour_kind;

extern const char *const MISBEHAVIOUR_NAMES[KIND_COUNT];

/* Registers of kind k: MISBEHAVIOUR_FIRST + MISBEHAVIOUR_STRIDE * k + field. */
enum { MISBEHAVIOUR_FIRST = 60000, MISBEHAVIOUR_STRIDE = 10 };
enum misbehaviour_field {
    FIELD_COUNT,       /* for the next n requests; 65535: until it is written again; 0: off */
    FIELD_PARAMETER,
    FIELD_PROBABILITY, /* .01 %; 10000: each time */
    FIELD_SEED,
    FIELD_SCOPE,       /* 0: all requests, 1: reads, 2: writes */
    FIELD_SKIP,        /* requests of its scope let through first */
    FIELD_HAPPENED,    /* read only: since the last write to this kind's registers */
    FIELD_TOTAL
};
enum { UNTIL_WRITTEN_AGAIN = 65535, SCOPE_ALL = 0, SCOPE_READS = 1, SCOPE_WRITES = 2 };

typedef struct {
    uint32_t random[KIND_COUNT]; /* state of each kind's generator, from its seed */
} misbehaviour;

typedef struct {
    misbehaviour_kind kind;
    uint16_t parameter;
} fate;

/* The block's lines for the register table. */
extern const register_row MISBEHAVIOUR_ROWS[];
extern const size_t MISBEHAVIOUR_ROW_COUNT;

void misbehaviour_init(misbehaviour *m);

/* True where any of these registers is in the block. Such requests never meet a misbehaviour. */
bool misbehaviour_owns(uint16_t first, uint16_t count);

/* Registers of the block were written: the kinds they belong to begin anew. */
void misbehaviour_written(misbehaviour *m, bank *b, uint16_t first, uint16_t count);

/* What this request meets; counts it in the registers. */
fate misbehaviour_draw(misbehaviour *m, bank *b, bool writes);

/* The next random byte of a kind. */
uint8_t misbehaviour_byte(misbehaviour *m, misbehaviour_kind kind);

#endif
