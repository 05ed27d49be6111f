/* The command line: options that every stub has, and its own. */
#ifndef SETTINGS_H
#define SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

enum { UNIT_IDS = 248, MOST_SETTINGS = 48 };

/* One option with a number, or with one of some words (then its value is the word's place, from 0). */
typedef struct {
    const char *name, *unit, *help;
    double low, high, value;
    bool whole;
    const char *words; /* separated by blanks; NULL for a number */
} setting;

typedef struct {
    const char *program;
    const char *address; /* IPv4 */
    const char *rtu;     /* serial device, or NULL */
    bool port_given;
    bool units[UNIT_IDS]; /* the ids served */
    setting rows[MOST_SETTINGS];
    size_t count;
} settings;

struct device_class;

/* Fills s. Returns -1 to run, or the exit code where the program must end (0 after --help, 2 on a bad option). */
int settings_parse(settings *s, const struct device_class *device, int argc, char **argv);

/* The value of an option by its name; a name that is in no table ends the process. */
double settings_get(const settings *s, const char *name);

#endif
