#include "outbox.h"

#include <math.h>

void outbox_put(outbox *o, const outgoing *frame)
{
    for (int i = 0; i < OUTBOX_FRAMES; i++)
        if (o->frames[i].to == 0) {
            o->frames[i] = *frame;
            o->frames[i].sent = 0;
            o->frames[i].order = o->orders++;
            return;
        }
    o->dropped++;
}

static double next_byte_s(const outgoing *frame)
{
    return frame->due_s + frame->char_s * (double)frame->sent;
}

static bool goes_before(const outgoing *a, const outgoing *b)
{
    const double a_s = next_byte_s(a), b_s = next_byte_s(b);

    return a_s != b_s ? a_s < b_s : a->order < b->order;
}

/* The slot whose next byte is due first; -1 where nothing waits. */
static int earliest(const outbox *o)
{
    int first = -1;

    for (int i = 0; i < OUTBOX_FRAMES; i++) {
        const outgoing *frame = &o->frames[i];

        if (frame->to && frame->sent < frame->count && (first < 0 || goes_before(frame, &o->frames[first])))
            first = i;
    }
    return first;
}

double outbox_next_s(const outbox *o)
{
    const int first = earliest(o);

    return first < 0 ? INFINITY : next_byte_s(&o->frames[first]);
}

size_t outbox_take(outbox *o, double now_s, const outgoing **frame, size_t *from)
{
    int first;

    for (int i = 0; i < OUTBOX_FRAMES; i++)
        if (o->frames[i].to && o->frames[i].sent >= o->frames[i].count)
            o->frames[i].to = 0;
    first = earliest(o);
    if (first < 0 || next_byte_s(&o->frames[first]) > now_s)
        return 0;
    *frame = &o->frames[first];
    *from = o->frames[first].sent;
    o->frames[first].sent = o->frames[first].char_s > 0.0 ? *from + 1 : o->frames[first].count;
    return o->frames[first].sent - *from;
}

void outbox_forget(outbox *o, unsigned long to)
{
    for (int i = 0; i < OUTBOX_FRAMES; i++)
        if (o->frames[i].to == to)
            o->frames[i].to = 0;
}
