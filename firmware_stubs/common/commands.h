/* Commands on stdin, one a line, each answered by one line on stdout: a test's way round the bus. */
#ifndef COMMANDS_H
#define COMMANDS_H

#include "bus.h"

enum { COMMAND_LINE_BYTES = 512 };

typedef struct {
    char text[COMMAND_LINE_BYTES];
    size_t count;
    bool ended; /* end of file: whoever gave the commands has gone */
} commands;

/* Takes what has come and carries out each whole line. */
void commands_serve(commands *c, service *served);

#endif
