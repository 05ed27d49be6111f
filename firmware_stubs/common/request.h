/* One request (function code and data): what it asks, and whether it may be carried out. */
#ifndef REQUEST_H
#define REQUEST_H

#include "bank.h"

/* Modbus exception codes; 0 where the request may be carried out. */
enum { ACCEPTED = 0, ILLEGAL_FUNCTION = 1, ILLEGAL_ADDRESS = 2, ILLEGAL_VALUE = 3, DEVICE_FAILURE = 4, TARGET_FAILED = 11 };

enum { MOST_WORDS = 125 };

typedef struct {
    uint16_t first, count;
    bool writes; /* holding registers, by function 06 or 16 */
    uint16_t words[MOST_WORDS]; /* what it writes */
} request;

/* Judges one request by the register table and fills r. Functions 02, 03, 04, 06, 16. Order: function, length and
   quantity, addresses, values; a block is written whole or not at all. */
int request_judge(request *r, const register_index *index, const uint8_t *pdu, size_t length);

/* The same for words that do not come from a bus. */
int request_judge_words(const request *r, const register_index *index);

#endif
