#include "server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <modbus/modbus.h>

#include "registers.h"

enum { MAX_CLIENTS = 8, BACKLOG = 8, HEADER_BYTES = 7, LENGTH_FROM = 6, FRAME_BYTES = MODBUS_TCP_MAX_ADU_LENGTH };

/* A frame that has begun must end within this time: its sender is gone. */
static const double PARTIAL_FRAME_S = 2.0;
/* A client that says nothing for this long is taken for half-open. */
static const double SILENT_CLIENT_S = 60.0;

typedef struct {
    int fd; /* -1 = free slot */
    double heard_s;   /* last whole request, or the connection */
    double partial_s; /* since when a frame has been incomplete; 0 = none is */
    bool has_asked;   /* has sent a whole request */
} client;

struct server {
    int listener, port, unit;
    modbus_t *bus;
    modbus_mapping_t *map;
    plc *program;
    client clients[MAX_CLIENTS];
    unsigned long requests, exceptions, connections, dropped, evicted;
};

double monotonic_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void drop(server *s, client *c)
{
    close(c->fd);
    c->fd = -1;
    s->dropped++;
}

static int open_map(server *s)
{
    s->map = modbus_mapping_new_start_address(0, 0, 0, DI_COUNT, HR_FIRST, HR_LAST - HR_FIRST + 1, 0, IR_COUNT);
    if (!s->map)
        return -1;
    for (int address = HR_FIRST; address <= HR_LAST; address++)
        s->map->tab_registers[address - HR_FIRST] = registers_power_up((uint16_t)address);
    return 0;
}

static int bound_port(int fd)
{
    struct sockaddr_in name;
    socklen_t size = sizeof name;

    return getsockname(fd, (struct sockaddr *)&name, &size) == 0 ? ntohs(name.sin_port) : -1;
}

server *server_open(const char *address, int port, int unit, plc *program)
{
    server *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    s->listener = -1;
    s->unit = unit;
    s->program = program;
    for (int i = 0; i < MAX_CLIENTS; i++)
        s->clients[i].fd = -1;
    s->bus = modbus_new_tcp(address, port);
    if (s->bus && open_map(s) == 0)
        s->listener = modbus_tcp_listen(s->bus, BACKLOG);
    if (s->listener < 0 || fcntl(s->listener, F_SETFL, O_NONBLOCK) < 0 || (s->port = bound_port(s->listener)) < 0) {
        fprintf(stderr, "cdu_plc: cannot listen on %s:%d: %s\n", address, port, modbus_strerror(errno));
        server_close(s);
        return NULL;
    }
    server_publish(s);
    return s;
}

int server_port(const server *s)
{
    return s->port;
}

void server_publish(server *s)
{
    plc_publish(s->program, s->map->tab_input_registers, s->map->tab_input_bits);
}

static bool gives_way_before(const client *a, const client *b)
{
    return a->has_asked == b->has_asked ? a->heard_s < b->heard_s : !a->has_asked;
}

/* A free slot. Where all are taken, one that never asked anything gives way first, then the one silent for longest:
   neither a port scan nor a master's own dead connections may lock it out. */
static client *slot_for_newcomer(server *s)
{
    client *first = &s->clients[0];

    for (int i = 0; i < MAX_CLIENTS; i++) {
        if (s->clients[i].fd < 0)
            return &s->clients[i];
        if (gives_way_before(&s->clients[i], first))
            first = &s->clients[i];
    }
    drop(s, first);
    s->evicted++;
    return first;
}

static void admit(server *s, double now_s)
{
    const int yes = 1;
    const int fd = accept(s->listener, NULL, NULL);

    if (fd < 0)
        return; /* it has already gone again: a port scan */
    if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0) {
        close(fd);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    *slot_for_newcomer(s) = (client){fd, now_s, 0.0, false};
    s->connections++;
}

static void tell_program(server *s, const uint8_t *pdu)
{
    uint16_t first, count;

    if (!registers_is_write(pdu, &first, &count))
        return;
    for (uint16_t i = 0; i < count; i++)
        plc_write(s->program, (uint16_t)(first + i), s->map->tab_registers[first + i - HR_FIRST]);
}

/* Answers one whole frame. Returns -1 where the answer cannot be sent. */
static int answer(server *s, client *c, uint8_t *frame, int length)
{
    const uint8_t *pdu = frame + HEADER_BYTES;
    int code = frame[LENGTH_FROM] == s->unit ? registers_check(pdu, (size_t)(length - HEADER_BYTES)) : TARGET_FAILED;
    int sent;

    s->requests++;
    modbus_set_socket(s->bus, c->fd);
    /* Everything modbus_reply might refuse has been refused by now: its own refusals wait half a second. */
    if (code == ACCEPTED) {
        sent = modbus_reply(s->bus, frame, length, s->map);
        tell_program(s, pdu);
    } else {
        s->exceptions++;
        sent = modbus_reply_exception(s->bus, frame, (unsigned)code);
    }
    return sent < 0 ? -1 : 0;
}

/* The length of the frame that begins with these bytes; 0 = not yet known, -1 = no Modbus TCP. */
static int frame_length(const uint8_t *bytes, ssize_t count)
{
    int length;

    if (count < LENGTH_FROM)
        return 0;
    length = bytes[4] << 8 | bytes[5];
    if (bytes[2] || bytes[3] || length < 2 || length > FRAME_BYTES - LENGTH_FROM)
        return -1;
    return LENGTH_FROM + length;
}

/* Looks before it reads: only a whole frame is taken from the socket, so that no peer can hold up the program. */
static void serve(server *s, client *c, double now_s)
{
    uint8_t frame[FRAME_BYTES];
    const ssize_t count = recv(c->fd, frame, sizeof frame, MSG_PEEK);
    const int length = count > 0 ? frame_length(frame, count) : -1;

    if (length < 0) {
        if (count != -1 || (errno != EAGAIN && errno != EINTR))
            drop(s, c);
    } else if (length == 0 || count < length) {
        if (c->partial_s == 0.0)
            c->partial_s = now_s;
    } else {
        c->heard_s = now_s;
        c->has_asked = true;
        c->partial_s = 0.0;
        if (recv(c->fd, frame, (size_t)length, 0) != length || answer(s, c, frame, length) < 0)
            drop(s, c);
    }
}

static void drop_the_silent(server *s, double now_s)
{
    for (int i = 0; i < MAX_CLIENTS; i++) {
        client *c = &s->clients[i];

        if (c->fd >= 0 && ((c->partial_s > 0.0 && now_s - c->partial_s > PARTIAL_FRAME_S) ||
                           now_s - c->heard_s > SILENT_CLIENT_S))
            drop(s, c);
    }
}

/* Waits for the listener and every client without a partial frame. A partial frame keeps its socket readable,
   so it is looked at once a call, by poll_partial, instead of waking this wait for ever. */
static void poll_once(server *s, double deadline_s)
{
    struct pollfd watched[MAX_CLIENTS + 1];
    client *owners[MAX_CLIENTS + 1];
    nfds_t count = 1;
    const double left_s = deadline_s - monotonic_s();

    watched[0] = (struct pollfd){s->listener, POLLIN, 0};
    for (int i = 0; i < MAX_CLIENTS; i++) {
        client *c = &s->clients[i];

        if (c->fd >= 0 && c->partial_s == 0.0) {
            owners[count] = c;
            watched[count++] = (struct pollfd){c->fd, POLLIN, 0};
        }
    }
    if (poll(watched, count, left_s > 0.0 ? (int)ceil(1e3 * left_s) : 0) <= 0)
        return;
    for (nfds_t i = 1; i < count; i++)
        if (watched[i].revents)
            serve(s, owners[i], monotonic_s());
    if (watched[0].revents)
        admit(s, monotonic_s());
}

static void poll_partial(server *s)
{
    for (int i = 0; i < MAX_CLIENTS; i++)
        if (s->clients[i].fd >= 0 && s->clients[i].partial_s > 0.0)
            serve(s, &s->clients[i], monotonic_s());
}

void server_run_until(server *s, double deadline_s)
{
    drop_the_silent(s, monotonic_s());
    poll_partial(s);
    do {
        poll_once(s, deadline_s);
    } while (monotonic_s() < deadline_s);
}

void server_close(server *s)
{
    for (int i = 0; i < MAX_CLIENTS; i++)
        if (s->clients[i].fd >= 0)
            close(s->clients[i].fd);
    if (s->listener >= 0) {
        close(s->listener);
        fprintf(stderr, "cdu_plc: %lu connections, %lu requests, %lu exceptions, %lu closed here, %lu evicted\n",
                s->connections, s->requests, s->exceptions, s->dropped, s->evicted);
    }
    if (s->map)
        modbus_mapping_free(s->map);
    if (s->bus) {
        modbus_set_socket(s->bus, -1);
        modbus_free(s->bus);
    }
    free(s);
}
