/* Modbus TCP: several clients, one thread. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bus.h"
#include "outbox.h"

enum { MAX_CLIENTS = 8, BACKLOG = 8, LENGTH_FROM = 6, TCP_FRAME_BYTES = MODBUS_TCP_MAX_ADU_LENGTH };

/* A frame that has begun must end within this time: its sender is gone. */
static const double PARTIAL_FRAME_S = 2.0;
/* A client that says nothing for this long is taken for half-open. */
static const double SILENT_CLIENT_S = 60.0;
/* A partial frame keeps its socket readable; it is looked at so often instead of waking the loop for ever. */
static const double PARTIAL_LOOK_S = 0.010;

typedef struct {
    int fd;             /* -1 = free slot */
    unsigned long name; /* never given twice, so that no late reply reaches a newcomer in this slot */
    double heard_s;     /* last whole request, or the connection */
    double partial_s;   /* since when a frame has been incomplete; 0 = none is */
    double answered_s;  /* when the last reply is due: a client's requests are answered in order */
    bool has_asked;     /* has sent a whole request */
} client;

struct tcp_line {
    const char *program;
    int listener, port;
    modbus_t *listening;
    service *served;
    client clients[MAX_CLIENTS];
    outbox replies;
    unsigned long connections, dropped, evicted;
};

static void drop(tcp_line *t, client *c)
{
    outbox_forget(&t->replies, c->name);
    close(c->fd);
    c->fd = -1;
    t->dropped++;
}

static int bound_port(int fd)
{
    struct sockaddr_in name;
    socklen_t size = sizeof name;

    return getsockname(fd, (struct sockaddr *)&name, &size) == 0 ? ntohs(name.sin_port) : -1;
}

tcp_line *tcp_open(const settings *s, service *served)
{
    const int port = (int)settings_get(s, "--port");
    tcp_line *t = calloc(1, sizeof *t);

    if (!t)
        return NULL;
    t->program = s->program;
    t->listener = -1;
    t->served = served;
    for (int i = 0; i < MAX_CLIENTS; i++)
        t->clients[i].fd = -1;
    t->listening = modbus_new_tcp(s->address, port);
    if (t->listening)
        t->listener = modbus_tcp_listen(t->listening, BACKLOG);
    if (t->listener < 0 || fcntl(t->listener, F_SETFL, O_NONBLOCK) < 0 || (t->port = bound_port(t->listener)) < 0) {
        fprintf(stderr, "%s: cannot listen on %s:%d: %s\n", s->program, s->address, port, modbus_strerror(errno));
        tcp_close(t);
        return NULL;
    }
    return t;
}

int tcp_port(const tcp_line *t)
{
    return t->port;
}

static bool gives_way_before(const client *a, const client *b)
{
    return a->has_asked == b->has_asked ? a->heard_s < b->heard_s : !a->has_asked;
}

/* A free slot. Where all are taken, one that never asked anything gives way first, then the one silent for longest:
   neither a port scan nor a master's own dead connections may lock it out. */
static client *slot_for_newcomer(tcp_line *t)
{
    client *first = &t->clients[0];

    for (int i = 0; i < MAX_CLIENTS; i++) {
        if (t->clients[i].fd < 0)
            return &t->clients[i];
        if (gives_way_before(&t->clients[i], first))
            first = &t->clients[i];
    }
    drop(t, first);
    t->evicted++;
    return first;
}

static void admit(tcp_line *t, double now_s)
{
    const int yes = 1;
    const int fd = accept(t->listener, NULL, NULL);

    if (fd < 0)
        return; /* it has already gone again: a port scan */
    if (fd >= FD_SETSIZE || fcntl(fd, F_SETFL, O_NONBLOCK) < 0) {
        close(fd);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    *slot_for_newcomer(t) = (client){fd, ++t->connections, now_s, 0.0, 0.0, false};
}

/* Puts the answer to one whole frame into the outbox. */
static void answer(tcp_line *t, client *c, const uint8_t *frame, size_t length, double now_s)
{
    outgoing out = {.to = c->name};
    double delay_s;
    reply answered;

    if (!service_answer(t->served, OVER_TCP, frame, length, &answered, &delay_s))
        return;
    for (size_t i = 0; i < answered.count; i++)
        out.bytes[i] = answered.bytes[i];
    out.count = answered.count;
    out.due_s = now_s + delay_s > c->answered_s ? now_s + delay_s : c->answered_s;
    c->answered_s = out.due_s;
    outbox_put(&t->replies, &out);
}

/* The length of the frame that begins with these bytes; 0 = not yet known, -1 = no Modbus TCP. */
static int frame_length(const uint8_t *bytes, ssize_t count)
{
    int length;

    if (count < LENGTH_FROM)
        return 0;
    length = bytes[4] << 8 | bytes[5];
    if (bytes[2] || bytes[3] || length < 2 || length > TCP_FRAME_BYTES - LENGTH_FROM)
        return -1;
    return LENGTH_FROM + length;
}

/* Looks before it reads: only a whole frame is taken from the socket, so that no peer can hold up the program. */
static void listen_to(tcp_line *t, client *c, double now_s)
{
    uint8_t frame[TCP_FRAME_BYTES];
    const ssize_t count = recv(c->fd, frame, sizeof frame, MSG_PEEK);
    const int length = count > 0 ? frame_length(frame, count) : -1;

    if (length < 0) {
        if (count != -1 || (errno != EAGAIN && errno != EINTR))
            drop(t, c);
    } else if (length == 0 || count < length) {
        if (c->partial_s == 0.0)
            c->partial_s = now_s;
    } else {
        c->heard_s = now_s;
        c->has_asked = true;
        c->partial_s = 0.0;
        if (recv(c->fd, frame, (size_t)length, 0) == length)
            answer(t, c, frame, (size_t)length, now_s);
        else
            drop(t, c);
    }
}

static void drop_the_silent(tcp_line *t, double now_s)
{
    for (int i = 0; i < MAX_CLIENTS; i++) {
        client *c = &t->clients[i];

        if (c->fd >= 0 && ((c->partial_s > 0.0 && now_s - c->partial_s > PARTIAL_FRAME_S) ||
                           now_s - c->heard_s > SILENT_CLIENT_S))
            drop(t, c);
    }
}

static client *find(tcp_line *t, unsigned long name)
{
    for (int i = 0; i < MAX_CLIENTS; i++)
        if (t->clients[i].fd >= 0 && t->clients[i].name == name)
            return &t->clients[i];
    return NULL;
}

static void send_due(tcp_line *t)
{
    const outgoing *frame;
    size_t from, count;

    while ((count = outbox_take(&t->replies, monotonic_s(), &frame, &from)) > 0) {
        client *c = find(t, frame->to);

        if (c && send(c->fd, frame->bytes + from, count, MSG_NOSIGNAL) != (ssize_t)count)
            drop(t, c);
    }
}

void tcp_watch(tcp_line *t, watch *w)
{
    watch_add(w, t->listener);
    for (int i = 0; i < MAX_CLIENTS; i++) {
        const client *c = &t->clients[i];

        if (c->fd >= 0 && c->partial_s == 0.0)
            watch_add(w, c->fd);
        else if (c->fd >= 0)
            watch_until(w, monotonic_s() + PARTIAL_LOOK_S);
    }
    watch_until(w, outbox_next_s(&t->replies));
}

void tcp_serve(tcp_line *t, const watch *w)
{
    for (int i = 0; i < MAX_CLIENTS; i++) {
        client *c = &t->clients[i];

        if (c->fd >= 0 && (c->partial_s > 0.0 || FD_ISSET(c->fd, &w->readable)))
            listen_to(t, c, monotonic_s());
    }
    send_due(t);
    drop_the_silent(t, monotonic_s());
    if (FD_ISSET(t->listener, &w->readable))
        admit(t, monotonic_s());
}

void tcp_close(tcp_line *t)
{
    for (int i = 0; i < MAX_CLIENTS; i++)
        if (t->clients[i].fd >= 0)
            close(t->clients[i].fd);
    if (t->listener >= 0) {
        close(t->listener);
        fprintf(stderr, "%s: %lu connections, %lu requests, %lu exceptions, %lu closed here, %lu evicted, "
                "%lu replies dropped\n", t->program, t->connections, t->served->requests, t->served->exceptions,
                t->dropped, t->evicted, t->replies.dropped);
    }
    if (t->listening)
        modbus_free(t->listening);
    free(t);
}
