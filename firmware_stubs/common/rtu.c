/* Modbus RTU on a serial line or a pty: frames by length, CRC and silence; replies at the line's pace. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bus.h"
#include "outbox.h"

enum { LONGEST_FRAME = 256, SHORTEST_FRAME = 4, FIXED_REQUEST = 8, PACE_FRAME = 0, PACE_NONE = 2 };

/* Start, 8 data, parity or second stop, stop (Modbus over serial line V1.02, 2.5.1). */
static const double BITS_PER_CHAR = 11.0;
/* Silence that ends a frame: 3.5 characters, fixed above 19200 baud (the same, 2.5.1.1). */
static const double SILENCE_CHARS = 3.5;
static const double SILENCE_AT_LEAST_S = 1.75e-3;
/* What is no frame is thrown away after a silence that this system's scheduling cannot feign. */
static const double HEARD_SILENCE_AT_LEAST_S = 10e-3;
/* A line that has gone away is tried again so often. */
static const double REOPEN_S = 0.5;

struct rtu_line {
    const char *program, *device;
    modbus_t *line; /* NULL while it is away */
    service *served;
    int fd;
    double char_s, silence_s, turnaround_s;
    int baud, pace;
    char parity;
    uint8_t heard[2 * LONGEST_FRAME];
    size_t count;
    double first_s, last_s; /* when the first and the last byte of `heard` came */
    double reopen_s;
    double answered_s[UNIT_IDS]; /* when a unit's last reply begins at the earliest: it answers in order */
    outbox replies;
    unsigned long bad_frames, lost, unsent;
};

static bool open_line(rtu_line *r)
{
    r->line = modbus_new_rtu(r->device, r->baud, r->parity, 8, r->parity == 'N' ? 2 : 1);
    if (r->line && modbus_connect(r->line) == 0) {
        r->fd = modbus_get_socket(r->line);
        if (r->fd >= 0 && r->fd < FD_SETSIZE && fcntl(r->fd, F_SETFL, O_NONBLOCK) == 0)
            return true;
        modbus_close(r->line);
    }
    if (r->line) {
        const int why = errno;

        modbus_free(r->line);
        errno = why;
    }
    r->line = NULL;
    r->fd = -1;
    return false;
}

static void close_line(rtu_line *r)
{
    if (!r->line)
        return;
    modbus_close(r->line);
    modbus_free(r->line);
    r->line = NULL;
    r->fd = -1;
    r->count = 0;
}

rtu_line *rtu_open(const settings *s, service *served)
{
    rtu_line *r = calloc(1, sizeof *r);

    if (!r)
        return NULL;
    r->program = s->program;
    r->device = s->rtu;
    r->served = served;
    r->baud = (int)settings_get(s, "--baud");
    r->parity = "ENO"[(int)settings_get(s, "--parity")];
    r->pace = (int)settings_get(s, "--pace");
    r->char_s = BITS_PER_CHAR / r->baud;
    r->silence_s = fmax(SILENCE_CHARS * r->char_s, SILENCE_AT_LEAST_S);
    r->turnaround_s = 1e-3 * settings_get(s, "--turnaround-ms");
    if (!open_line(r)) {
        fprintf(stderr, "%s: cannot open %s: %s\n", r->program, r->device, modbus_strerror(errno));
        free(r);
        return NULL;
    }
    return r;
}

/* When the reply to a frame whose last byte has just come may begin. A pty hands over at once what a line takes its
   time for, so the request's own characters are waited for as well. */
static double reply_start_s(const rtu_line *r, size_t request_bytes, double now_s)
{
    if (r->pace == PACE_NONE)
        return now_s;
    return fmax(now_s, r->first_s + (double)request_bytes * r->char_s) + r->silence_s + r->turnaround_s;
}

static void answer(rtu_line *r, const uint8_t *frame, size_t length, double now_s)
{
    outgoing out = {.to = (unsigned long)frame[0] + 1};
    double delay_s, start_s;
    reply answered;

    if (!service_answer(r->served, OVER_RTU, frame, length, &answered, &delay_s))
        return;
    memcpy(out.bytes, answered.bytes, answered.count);
    out.count = answered.count;
    start_s = fmax(reply_start_s(r, length, now_s) + delay_s, r->answered_s[frame[0]]);
    if (r->pace == PACE_FRAME)
        out.due_s = start_s + (double)out.count * r->char_s;
    else
        out.due_s = start_s;
    out.char_s = r->pace == PACE_FRAME || r->pace == PACE_NONE ? 0.0 : r->char_s;
    r->answered_s[frame[0]] = r->pace == PACE_NONE ? start_s : start_s + (double)out.count * r->char_s + r->silence_s;
    outbox_put(&r->replies, &out);
}

/* The length of the request that begins with these bytes; 0 = not yet known, or known only by the silence after it. */
static size_t request_length(const uint8_t *bytes, size_t count)
{
    if (count < 2)
        return 0;
    if (bytes[1] >= 1 && bytes[1] <= 6)
        return FIXED_REQUEST;
    if ((bytes[1] == 15 || bytes[1] == 16) && count > 6)
        return 9u + bytes[6];
    return 0;
}

static void forget_heard(rtu_line *r, size_t count, double now_s)
{
    memmove(r->heard, r->heard + count, r->count - count);
    r->count -= count;
    r->first_s = now_s;
}

/* Answers every whole request at the head of what was heard. */
static void take_frames(rtu_line *r, double now_s)
{
    size_t length;

    while ((length = request_length(r->heard, r->count)) > 0 && length <= r->count && crc_holds(r->heard, length)) {
        answer(r, r->heard, length, now_s);
        forget_heard(r, length, now_s);
    }
}

/* After silence the whole of what was heard is a frame, or nothing. */
static void take_after_silence(rtu_line *r, double now_s)
{
    if (r->count >= SHORTEST_FRAME && r->count <= LONGEST_FRAME && crc_holds(r->heard, r->count))
        answer(r, r->heard, r->count, now_s);
    else
        r->bad_frames++;
    r->count = 0;
}

static double heard_silence_s(const rtu_line *r)
{
    return fmax(r->silence_s, HEARD_SILENCE_AT_LEAST_S);
}

static void lose(rtu_line *r, double now_s)
{
    fprintf(stderr, "%s: %s has gone away\n", r->program, r->device);
    close_line(r);
    r->lost++;
    r->reopen_s = now_s + REOPEN_S;
}

static void hear(rtu_line *r, double now_s)
{
    const ssize_t got = read(r->fd, r->heard + r->count, sizeof r->heard - r->count);

    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        lose(r, now_s);
        return;
    }
    if (r->count == 0)
        r->first_s = now_s;
    r->last_s = now_s;
    r->count += (size_t)got;
    take_frames(r, now_s);
    if (r->count == sizeof r->heard) {
        r->bad_frames++;
        r->count = 0;
    }
}

static bool put_on_line(rtu_line *r, const uint8_t *bytes, size_t count)
{
    const ssize_t sent = r->line ? write(r->fd, bytes, count) : 0;

    if (sent < 0 && errno != EAGAIN)
        lose(r, monotonic_s());
    return sent == (ssize_t)count;
}

static void send_due(rtu_line *r)
{
    const outgoing *frame;
    size_t from, count;

    while ((count = outbox_take(&r->replies, monotonic_s(), &frame, &from)) > 0)
        if (!put_on_line(r, frame->bytes + from, count))
            r->unsent++;
}

void rtu_watch(rtu_line *r, watch *w)
{
    if (r->line)
        watch_add(w, r->fd);
    else
        watch_until(w, r->reopen_s);
    if (r->count > 0)
        watch_until(w, r->last_s + heard_silence_s(r));
    watch_until(w, outbox_next_s(&r->replies));
}

void rtu_serve(rtu_line *r, const watch *w)
{
    double now_s = monotonic_s();

    if (!r->line && now_s >= r->reopen_s) {
        if (!open_line(r))
            r->reopen_s = now_s + REOPEN_S;
        return;
    }
    if (r->line && FD_ISSET(r->fd, &w->readable))
        hear(r, now_s);
    else if (r->count > 0 && now_s - r->last_s >= heard_silence_s(r))
        take_after_silence(r, now_s);
    send_due(r);
}

void rtu_close(rtu_line *r)
{
    close_line(r);
    fprintf(stderr, "%s: %lu requests, %lu exceptions, %lu for other units, %lu bad frames, "
            "%lu replies dropped, line lost %lu times\n", r->program, r->served->requests, r->served->exceptions,
            r->served->not_for_us, r->bad_frames, r->unsent + r->replies.dropped, r->lost);
    free(r);
}
