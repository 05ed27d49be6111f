#include "commands.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const BLANKS = " \t\r";
static const char *const FIELDS[] = {"count", "parameter", "probability", "seed", "scope", "skip"};
static const char *const SCOPES[] = {"all", "reads", "writes"};
enum { FIELD_NAMES = sizeof FIELDS / sizeof FIELDS[0], SCOPE_NAMES = sizeof SCOPES / sizeof SCOPES[0] };

static bool to_number(const char *text, double low, double high, double *value)
{
    char *end = NULL;

    if (!text)
        return false;
    *value = strtod(text, &end);
    return end != text && *end == '\0' && *value >= low && *value <= high;
}

static bool to_whole(const char *text, double low, double high, double *value)
{
    return to_number(text, low, high, value) && *value == floor(*value);
}

static int place_in(const char *const *names, int count, const char *name)
{
    for (int i = 0; name && i < count; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

/* The unit a command names; NULL with a word on stdout where there is none. */
static unit *named_unit(const service *s, char **rest)
{
    double id = 0.0;

    if (to_whole(strtok_r(NULL, BLANKS, rest), 1, UNIT_IDS - 1, &id) && s->units[(int)id])
        return s->units[(int)id];
    printf("error: no such unit\n");
    return NULL;
}

static void step(service *s, char **rest)
{
    double dt_s;

    if (!to_number(strtok_r(NULL, BLANKS, rest), 0.0, 1e6, &dt_s)) {
        printf("error: step SECONDS\n");
        return;
    }
    service_advance(s, dt_s);
    printf("ok %.3f\n", s->now_s);
}

static void read_words(service *s, char **rest)
{
    unit *u = named_unit(s, rest);
    double first, count = 1.0;
    const char *how_many;

    if (!u)
        return;
    if (!to_whole(strtok_r(NULL, BLANKS, rest), 0, 65535, &first) ||
        ((how_many = strtok_r(NULL, BLANKS, rest)) && !to_whole(how_many, 1, 65536 - first, &count))) {
        printf("error: read UNIT ADDRESS [COUNT]\n");
        return;
    }
    printf("ok");
    for (int i = 0; i < (int)count; i++)
        printf(" %u", (unsigned)bank_word(&u->bank, (uint16_t)(first + i)));
    printf("\n");
}

static void write_words(service *s, char **rest)
{
    unit *u = named_unit(s, rest);
    request wanted = {.writes = true};
    double value;
    const char *text;

    if (!u)
        return;
    if (!to_whole(strtok_r(NULL, BLANKS, rest), 0, 65535, &value)) {
        printf("error: write UNIT ADDRESS VALUE...\n");
        return;
    }
    wanted.first = (uint16_t)value;
    while (wanted.count < MOST_WORDS && (text = strtok_r(NULL, BLANKS, rest))) {
        if (!to_whole(text, -32768, 65535, &value)) {
            printf("error: %s is no register value\n", text);
            return;
        }
        wanted.words[wanted.count++] = (uint16_t)(int32_t)value;
    }
    value = service_write(s, u, &wanted);
    if (value > 0.0)
        printf("exception %d\n", (int)value);
    else
        printf("ok\n");
}

/* One `name=value` into the kind's registers. */
static bool take_field(uint16_t *words, char *text)
{
    char *value_text = strchr(text, '=');
    double value;
    int field;

    if (!value_text)
        return false;
    *value_text++ = '\0';
    field = place_in(FIELDS, FIELD_NAMES, text);
    if (field == FIELD_SCOPE && place_in(SCOPES, SCOPE_NAMES, value_text) >= 0)
        value = place_in(SCOPES, SCOPE_NAMES, value_text);
    else if (field == FIELD_COUNT && strcmp(value_text, "always") == 0)
        value = UNTIL_WRITTEN_AGAIN;
    else if (field < 0 || !to_number(value_text, 0, 65535, &value))
        return false;
    if (field == FIELD_PROBABILITY && value > 1.0)
        return false;
    words[field] = (uint16_t)(field == FIELD_PROBABILITY ? 10000.0 * value + 0.5 : value);
    return true;
}

static void arm(service *s, int id, const char *kind_name, const request *wanted)
{
    const int only = place_in(MISBEHAVIOUR_NAMES, KIND_COUNT, kind_name);

    for (int each = 1; each < UNIT_IDS; each++)
        for (int kind = 0; kind < KIND_COUNT; kind++) {
            request one = *wanted;

            if (!s->units[each] || (id && id != each) || (only >= 0 && only != kind))
                continue;
            one.first = (uint16_t)(MISBEHAVIOUR_FIRST + MISBEHAVIOUR_STRIDE * kind);
            service_write(s, s->units[each], &one);
        }
}

/* misbehave UNIT|all KIND [name=value]..., or misbehave UNIT|all off */
static void misbehave(service *s, char **rest)
{
    request wanted = {.writes = true, .count = FIELD_HAPPENED, .words = {1, 0, 10000, 0, SCOPE_ALL, 0}};
    const char *who = strtok_r(NULL, BLANKS, rest), *kind = strtok_r(NULL, BLANKS, rest);
    const bool off = kind && strcmp(kind, "off") == 0;
    double id = 0.0;
    char *text;

    if (!who || !kind || (strcmp(who, "all") != 0 && !to_whole(who, 1, UNIT_IDS - 1, &id)) ||
        (id > 0.0 && !s->units[(int)id]) || (!off && place_in(MISBEHAVIOUR_NAMES, KIND_COUNT, kind) < 0)) {
        printf("error: misbehave UNIT|all KIND|off [name=value]...\n");
        return;
    }
    while ((text = strtok_r(NULL, BLANKS, rest)))
        if (!take_field(wanted.words, text)) {
            printf("error: %s: expected count, parameter, probability (0 to 1), seed, scope or skip\n", text);
            return;
        }
    if (off)
        wanted.words[FIELD_COUNT] = 0;
    arm(s, (int)id, kind, &wanted);
    printf("ok\n");
}

static void counts(const service *s)
{
    printf("ok requests=%lu exceptions=%lu misbehaved=%lu not_for_us=%lu reverts_dropped=%lu\n", s->requests,
           s->exceptions, s->misbehaved, s->not_for_us, s->reverts_dropped);
}

static void obey(service *s, char *line)
{
    char *rest = NULL;
    const char *verb = strtok_r(line, BLANKS, &rest);

    if (!verb)
        return;
    if (strcmp(verb, "step") == 0)
        step(s, &rest);
    else if (strcmp(verb, "read") == 0)
        read_words(s, &rest);
    else if (strcmp(verb, "write") == 0)
        write_words(s, &rest);
    else if (strcmp(verb, "misbehave") == 0)
        misbehave(s, &rest);
    else if (strcmp(verb, "counts") == 0)
        counts(s);
    else
        printf("error: %s: expected step, read, write, misbehave or counts\n", verb);
    fflush(stdout);
}

void commands_serve(commands *c, service *served)
{
    const ssize_t got = read(STDIN_FILENO, c->text + c->count, sizeof c->text - 1 - c->count);
    char *line_end;

    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        c->ended = true;
        return;
    }
    c->count += (size_t)got;
    c->text[c->count] = '\0';
    while ((line_end = memchr(c->text, '\n', c->count))) {
        const size_t taken = (size_t)(line_end - c->text) + 1;

        *line_end = '\0';
        obey(served, c->text);
        memmove(c->text, c->text + taken, c->count - taken);
        c->count -= taken;
    }
    if (c->count == sizeof c->text - 1) {
        printf("error: a line of more than %d bytes\n", COMMAND_LINE_BYTES - 1);
        fflush(stdout);
        c->count = 0;
    }
}
