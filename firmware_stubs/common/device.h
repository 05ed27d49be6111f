/* What a stub supplies: its register table and three hooks. Everything else is common. */
#ifndef DEVICE_H
#define DEVICE_H

#include "bank.h"
#include "settings.h"

typedef struct device_class {
    const char *name, *what; /* the program, and one line for --help */
    register_map map;
    const setting *settings; /* options of its own */
    size_t setting_count;
    size_t state_size;       /* of the state the hooks get, one for each unit */

    /* Judges options against each other: true, or false with the reason on stderr. May be NULL. */
    bool (*settle)(const settings *s);

    /* Fills the state (zeroed) at power-up; the registers hold the table's values and may be set by the options. */
    void (*init)(void *state, bank *b, const settings *s);

    /* A second look at a block that the table takes: an exception code, or ACCEPTED (0). May be NULL. */
    int (*check)(const void *state, const bank *b, uint16_t first, const uint16_t *words, uint16_t count);

    /* `count` registers from `first` have been written and hold their new values. */
    void (*written)(void *state, bank *b, uint16_t first, uint16_t count);

    /* A request to this unit was heard: for watchdogs that any traffic feeds. May be NULL. */
    void (*heard)(void *state);

    /* Advances program and physics by dt_s, at most 10 ms of the device's time. */
    void (*step)(void *state, double dt_s);

    /* Puts what the device shows into its registers: after each step. */
    void (*publish)(const void *state, bank *b);
} device_class;

/* The whole program: command line, bus, time. Gives the exit code. */
int stub_main(const device_class *device, int argc, char **argv);

#endif
