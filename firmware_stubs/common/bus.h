/* The two kinds of line, TCP and serial, behind one face for the main loop. No call waits for a peer. */
#ifndef BUS_H
#define BUS_H

#include <sys/select.h>

#include "service.h"

/* What the main loop waits for. */
typedef struct {
    fd_set readable;
    int highest;
    double until_s; /* monotonic */
} watch;

void watch_begin(watch *w, double until_s);
void watch_add(watch *w, int fd);
void watch_until(watch *w, double until_s);

/* Waits; false where nothing came (readable is then empty). */
bool watch_wait(watch *w);

/* Monotonic time, s. */
double monotonic_s(void);

typedef struct tcp_line tcp_line;

/* Listens; NULL where it cannot, with the reason on stderr. */
tcp_line *tcp_open(const settings *s, service *served);
int tcp_port(const tcp_line *t);
void tcp_watch(tcp_line *t, watch *w);
void tcp_serve(tcp_line *t, const watch *w);
void tcp_close(tcp_line *t); /* tells its counters on stderr */

typedef struct rtu_line rtu_line;

rtu_line *rtu_open(const settings *s, service *served);
void rtu_watch(rtu_line *r, watch *w);
void rtu_serve(rtu_line *r, const watch *w);
void rtu_close(rtu_line *r);

#endif
