/* The calling thread's last error: set by a door that fails, read by tinygrad_k/backend.py. */
#include <stdarg.h>
#include <stdio.h>

#include "core.h"

static _Thread_local int last_code;
static _Thread_local char last_message[512];

void tk_fail(int code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    last_code = code;
    vsnprintf(last_message, sizeof last_message, format, arguments);
    va_end(arguments);
}

int tk_last_error(void)
{
    return last_code;
}

const char *tk_last_message(void)
{
    return last_message;
}

const char *tk_shape_text(char text[TK_TEXT], int ndim, const int64_t *shape)
{
    int used = snprintf(text, TK_TEXT, "(");
    for (int i = 0; i < ndim && used < TK_TEXT - 32; i++)
        used += snprintf(text + used, (size_t)(TK_TEXT - used), i ? ", %lld" : "%lld",
                         (long long)shape[i]);
    snprintf(text + used, (size_t)(TK_TEXT - used), ndim == 1 ? ",)" : ")");
    return text;
}
