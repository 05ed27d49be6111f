/* Replies that wait for their time, each character or each frame at its own. */
#ifndef OUTBOX_H
#define OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { OUTBOX_FRAMES = 64, FRAME_BYTES = 260 };

typedef struct {
    uint8_t bytes[FRAME_BYTES];
    size_t count, sent;
    double due_s;            /* monotonic time of the first byte */
    double char_s;           /* between bytes; 0: all at once */
    unsigned long to, order; /* to: whose reply it is; 0 = the slot is free */
} outgoing;

typedef struct {
    outgoing frames[OUTBOX_FRAMES];
    unsigned long orders, dropped;
} outbox;

/* Takes one frame (its to, bytes, count, due_s, char_s). Where all slots are taken it is dropped and counted. */
void outbox_put(outbox *o, const outgoing *frame);

/* The bytes due first, if they are due at now_s: their number, in *frame from *from. 0: nothing is due. They count
   as sent; a frame sent whole frees its slot at the next call. */
size_t outbox_take(outbox *o, double now_s, const outgoing **frame, size_t *from);

/* When the next byte is due; infinity where there is none. */
double outbox_next_s(const outbox *o);

/* Forgets what was meant for `to`. */
void outbox_forget(outbox *o, unsigned long to);

#endif
