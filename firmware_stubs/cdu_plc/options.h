/* The command line. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include "plc.h"

typedef struct {
    const char *address;
    int port, unit;
    plc_settings plc;
} options;

/* Fills o. Returns -1 to run, or the exit code where the program must end (0 after --help, 2 on a bad option). */
int options_parse(options *o, int argc, char **argv);

#endif
