/* Modbus TCP side: several clients, one thread, no call that waits for a peer. */
#ifndef SERVER_H
#define SERVER_H

#include <stdint.h>

#include "plc.h"

typedef struct server server;

/* Listens on address:port (0 = a free one). NULL where it cannot, with the reason on stderr. */
server *server_open(const char *address, int port, int unit, plc *program);

/* The port listened on. */
int server_port(const server *s);

/* Answers clients until the monotonic time deadline_s (s). */
void server_run_until(server *s, double deadline_s);

/* Copies the program's outputs into the registers that clients read. */
void server_publish(server *s);

/* Closes all connections and tells the counters on stderr. */
void server_close(server *s);

/* Monotonic time, s. */
double monotonic_s(void);

#endif
