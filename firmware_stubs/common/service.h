/* The units behind the bus: each with its state, registers and misbehaviours; requests in, replies out. */
#ifndef SERVICE_H
#define SERVICE_H

#include "device.h"
#include "misbehaviour.h"
#include "reply.h"
#include "request.h"

enum { MOST_REVERTS = 128 };

/* A written register that falls back. */
typedef struct {
    double due_s; /* device time */
    uint16_t address, old;
} revert;

typedef struct {
    int id;
    void *state;
    bank bank;
    misbehaviour misbehaviour;
    revert reverts[MOST_REVERTS];
    int revert_count;
} unit;

typedef struct {
    const device_class *device;
    register_index index;
    unit *units[UNIT_IDS]; /* by id; NULL where none is */
    replier *replier;
    double now_s; /* device time since power-up */
    unsigned long requests, exceptions, misbehaved, not_for_us, reverts_dropped;
} service;

/* NULL where memory is short. */
service *service_open(const device_class *device, const settings *s);
void service_close(service *s);

/* Carries out one whole frame (RTU: with a good CRC). True where something is to be sent: `out`, delay_s late. */
bool service_answer(service *s, transport via, const uint8_t *frame, size_t length, reply *out, double *delay_s);

/* Writes registers of a unit without a bus, by the same rules. Gives the exception code, 0 where they were taken. */
int service_write(service *s, unit *u, const request *wanted);

/* The device's time goes on by dt_s, in steps of at most 10 ms. */
void service_advance(service *s, double dt_s);

#endif
