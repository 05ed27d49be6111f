#include "service.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double STEP_S = 0.010;

static unit *unit_open(service *s, int id, const settings *chosen)
{
    unit *u = calloc(1, sizeof *u);

    if (!u)
        return NULL;
    s->units[id] = u;
    u->id = id;
    u->state = calloc(1, s->device->state_size);
    if (!u->state || !bank_open(&u->bank, &s->index))
        return NULL;
    misbehaviour_init(&u->misbehaviour);
    s->device->init(u->state, &u->bank, chosen);
    s->device->publish(u->state, &u->bank);
    return u;
}

service *service_open(const device_class *device, const settings *chosen)
{
    service *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    s->device = device;
    s->index.input_count = device->map.input_count;
    s->index.discrete_count = device->map.discrete_count;
    index_add(&s->index, device->map.holding, device->map.holding_count);
    index_add(&s->index, MISBEHAVIOUR_ROWS, MISBEHAVIOUR_ROW_COUNT);
    s->replier = replier_open();
    for (int id = 1; id < UNIT_IDS; id++)
        if (!s->replier || (chosen->units[id] && !unit_open(s, id, chosen))) {
            service_close(s);
            return NULL;
        }
    return s;
}

void service_close(service *s)
{
    for (int id = 0; id < UNIT_IDS; id++)
        if (s->units[id]) {
            bank_close(&s->units[id]->bank);
            free(s->units[id]->state);
            free(s->units[id]);
        }
    if (s->replier)
        replier_close(s->replier);
    free(s);
}

/* The table first, then what only the device knows. */
static int judged_by_device(const service *s, const unit *u, const request *asked, int code)
{
    if (code != ACCEPTED || !asked->writes || !s->device->check || misbehaviour_owns(asked->first, asked->count))
        return code;
    return s->device->check(u->state, &u->bank, asked->first, asked->words, asked->count);
}

static void tell_device(service *s, unit *u, const request *asked)
{
    if (misbehaviour_owns(asked->first, asked->count))
        misbehaviour_written(&u->misbehaviour, &u->bank, asked->first, asked->count);
    else
        s->device->written(u->state, &u->bank, asked->first, asked->count);
}

static void copy_words(const unit *u, const request *asked, uint16_t *words)
{
    memcpy(words, u->bank.words->tab_registers + asked->first, asked->count * sizeof *words);
}

static void revert_later(service *s, unit *u, const request *asked, const uint16_t *old, double delay_s)
{
    for (uint16_t i = 0; i < asked->count; i++) {
        if (u->revert_count == MOST_REVERTS) {
            s->reverts_dropped++;
            continue;
        }
        u->reverts[u->revert_count++] = (revert){s->now_s + delay_s, (uint16_t)(asked->first + i), old[i]};
    }
}

static void tick_reverts(service *s, unit *u)
{
    int kept = 0;

    for (int i = 0; i < u->revert_count; i++) {
        const revert *r = &u->reverts[i];

        if (r->due_s > s->now_s + 1e-9) {
            u->reverts[kept++] = *r;
            continue;
        }
        bank_put(&u->bank, r->address, r->old);
        s->device->written(u->state, &u->bank, r->address, 1);
    }
    u->revert_count = kept;
}

/* Lets libmodbus carry out an accepted request, then tells the device, unless the write is to be ignored. */
static void carry_out(service *s, unit *u, transport via, const uint8_t *frame, size_t length, const request *asked,
                      fate met, reply *out)
{
    uint16_t old[MOST_WORDS];

    if (asked->writes)
        copy_words(u, asked, old);
    replier_answer(s->replier, via, frame, length, u->bank.words, out);
    if (!asked->writes)
        return;
    if (met.kind == IGNORE_WRITE) {
        memcpy(u->bank.words->tab_registers + asked->first, old, asked->count * sizeof *old);
        return;
    }
    if (met.kind == REVERT)
        revert_later(s, u, asked, old, 1e-3 * met.parameter);
    tell_device(s, u, asked);
}

static void fill_with_garbage(unit *u, transport via, size_t wanted, reply *out)
{
    if (wanted > 0)
        out->count = wanted < sizeof out->bytes ? wanted : sizeof out->bytes;
    for (size_t i = 0; i < out->count; i++)
        out->bytes[i] = misbehaviour_byte(&u->misbehaviour, GARBAGE);
    /* Chance may not make a valid frame of it: no protocol id but 0, no CRC that holds. */
    if (via == OVER_TCP && out->count > 2)
        out->bytes[2] |= 1;
    if (via == OVER_RTU && crc_holds(out->bytes, out->count))
        out->bytes[0] ^= 1;
}

/* What a field of one byte takes of a parameter; the default where that is nothing. */
static uint8_t low_byte_or(uint16_t parameter, uint8_t otherwise)
{
    const uint8_t low = (uint8_t)(parameter & 0xFF);

    return low ? low : otherwise;
}

static void shift_id(transport via, uint16_t by, reply *out)
{
    if (via == OVER_TCP) {
        const uint16_t id = (uint16_t)((out->bytes[0] << 8 | out->bytes[1]) + (by ? by : 1));

        out->bytes[0] = (uint8_t)(id >> 8);
        out->bytes[1] = (uint8_t)(id & 0xFF);
    } else if (out->count > CRC_BYTES) {
        out->bytes[0] = (uint8_t)(out->bytes[0] + low_byte_or(by, 1));
        crc_seal(out->bytes, out->count);
    }
}

static void spoil(unit *u, transport via, fate met, reply *out)
{
    if (met.kind == WRONG_ID)
        shift_id(via, met.parameter, out);
    else if (met.kind == GARBAGE)
        fill_with_garbage(u, via, met.parameter, out);
    else if (met.kind == TRUNCATED && out->count > 0) {
        const size_t kept = met.parameter ? met.parameter : out->count / 2;

        out->count = kept < out->count ? kept : out->count - 1;
    }
}

/* One request to one unit. Leaves out->count 0 where nothing is to be sent. */
static void serve_unit(service *s, unit *u, transport via, const uint8_t *frame, size_t length, reply *out,
                       double *delay_s)
{
    const size_t header = via == OVER_TCP ? TCP_HEADER_BYTES : RTU_HEADER_BYTES;
    const size_t tail = via == OVER_TCP ? 0 : CRC_BYTES;
    request asked;
    int code = request_judge(&asked, &s->index, frame + header, length - header - tail);
    const bool ours = code == ACCEPTED && frame[header] != 2 && frame[header] != 4 &&
                      misbehaviour_owns(asked.first, asked.count);
    const fate met = ours ? (fate){NO_MISBEHAVIOUR, 0}
                          : misbehaviour_draw(&u->misbehaviour, &u->bank, asked.writes);

    s->misbehaved += met.kind != NO_MISBEHAVIOUR;
    if (met.kind == SILENT && met.parameter == 0)
        return;
    if (s->device->heard && !ours)
        s->device->heard(u->state);
    code = met.kind == EXCEPTION ? low_byte_or(met.parameter, DEVICE_FAILURE)
                                 : judged_by_device(s, u, &asked, code);
    if (code == ACCEPTED) {
        carry_out(s, u, via, frame, length, &asked, met, out);
    } else {
        s->exceptions++;
        replier_refuse(s->replier, via, frame, length, code, out);
    }
    if (met.kind == SILENT)
        out->count = 0;
    *delay_s = met.kind == LATE ? 1e-3 * met.parameter : 0.0;
    spoil(u, via, met, out);
}

bool service_answer(service *s, transport via, const uint8_t *frame, size_t length, reply *out, double *delay_s)
{
    const int id = frame[via == OVER_TCP ? TCP_HEADER_BYTES - 1 : 0];

    out->count = 0;
    *delay_s = 0.0;
    s->requests++;
    if (via == OVER_RTU && id == 0) {
        /* A broadcast: all carry it out, nobody answers. */
        for (int each = 1; each < UNIT_IDS; each++)
            if (s->units[each])
                serve_unit(s, s->units[each], via, frame, length, out, delay_s);
        return false;
    }
    if (id < UNIT_IDS && s->units[id]) {
        serve_unit(s, s->units[id], via, frame, length, out, delay_s);
    } else {
        s->not_for_us++;
        if (via == OVER_TCP) {
            s->exceptions++;
            replier_refuse(s->replier, via, frame, length, TARGET_FAILED, out);
        }
    }
    return out->count > 0;
}

int service_write(service *s, unit *u, const request *wanted)
{
    const int code = judged_by_device(s, u, wanted, request_judge_words(wanted, &s->index));

    if (code != ACCEPTED)
        return code;
    for (uint16_t i = 0; i < wanted->count; i++)
        bank_put(&u->bank, (uint16_t)(wanted->first + i), wanted->words[i]);
    tell_device(s, u, wanted);
    return ACCEPTED;
}

void service_advance(service *s, double dt_s)
{
    const double steps = ceil(dt_s / STEP_S - 1e-9);

    for (double step = 0.0; step < steps; step += 1.0) {
        s->now_s += dt_s / steps;
        for (int id = 1; id < UNIT_IDS; id++) {
            unit *u = s->units[id];

            if (!u)
                continue;
            tick_reverts(s, u);
            s->device->step(u->state, dt_s / steps);
            s->device->publish(u->state, &u->bank);
        }
    }
}
