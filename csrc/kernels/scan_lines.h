/* Walking the lines of a running sum, whatever their strides. Compiled once an instruction set; the
 * mathematics comes in through a tk_scanner. */
#ifndef TK_SCAN_LINES_H
#define TK_SCAN_LINES_H

#include "lines.h"
#include "move.h"
#include "rows.h"
#include "work.h"

/* Lines of n elements that lie side by side, the next line in_line or out_line bytes on, backwards if
 * reverse. *before is what comes before each; *after, unless that is NULL, what the last one gave. What
 * lies so many bytes ahead is asked for, unless 0. */
typedef void tk_scan_lines_fn(const char *in, int64_t in_line, char *out, int64_t out_line,
                              int64_t lines, int64_t n, int reverse, const void *before,
                              void *after, int64_t ahead);
/* `rows` elements of n lines, side by side in and out; acc holds what came before, unless first. Asks as
 * the above. */
typedef void tk_scan_rows_fn(const char *in, int64_t in_step, char *out, int64_t out_step,
                             int64_t rows, int64_t n, void *acc, int first, int64_t ahead);

typedef struct tk_scanner {
    int in_size, out_size;
    tk_scan_lines_fn *lines;
    tk_scan_rows_fn *rows;
    const void *start; /* what comes before the first element, 8 bytes */
} tk_scanner;

enum { TK_SCAN_COLUMNS = 1024 }; /* lines side by side: 8 KiB of what came before */
enum { TK_SCAN_LINES = 64, TK_SCAN_ROWS = 32 }; /* a block of them: two buffers of 16 KiB in double */
/* Up to so many lines side by side are carried in registers. */
enum { TK_SCAN_FEW = 4 };
/* Lines shorter than that leave most of their line's vectors idle. */
enum { TK_SCAN_SHORT = 8 };

/* n lines that are as far apart as row[0] and row[1] say: each block of elements is brought side by
 * side where it is not, so that the chains of all lines run at once. */
TK_OUTLINE void tk_scan_block(const tk_scan_work *w, char *out, int64_t out_step, const char *in,
                              int64_t in_step, int64_t n, const tk_scanner *f)
{
    _Alignas(64) char read[TK_SCAN_LINES * TK_SCAN_ROWS * 8];
    _Alignas(64) char written[TK_SCAN_LINES * TK_SCAN_ROWS * 8];
    int64_t acc[TK_SCAN_LINES];
    const int64_t out_dim = w->dim_step[0], in_dim = w->dim_step[1];
    const int gathers = in_step != f->in_size, scatters = out_step != f->out_size;
    for (int64_t done = 0, rows; done < w->length; done += rows) {
        rows = w->length - done < TK_SCAN_ROWS ? w->length - done : TK_SCAN_ROWS;
        const int64_t start = w->reverse ? w->length - done - rows : done;
        const char *x = in + start * in_dim;
        char *y = scatters ? written : out + start * out_dim;
        int64_t x_step = in_dim, y_step = scatters ? n * f->out_size : out_dim;
        if (gathers) {
            tk_gather_span(x, &(tk_span){rows, n, in_dim, in_step}, read, f->in_size);
            x = read;
            x_step = n * f->in_size;
        }
        if (w->reverse) {
            x += (rows - 1) * x_step;
            y += (rows - 1) * y_step;
            x_step = -x_step;
            y_step = -y_step;
        }
        f->rows(x, x_step, y, y_step, rows, n, acc, done == 0, 0);
        if (scatters)
            tk_scatter_span(out + start * out_dim, &(tk_span){rows, n, out_dim, out_step}, written,
                            f->out_size);
    }
}

/* How many bytes ahead rows of so many, `step` bytes apart, are asked for. */
static inline int64_t tk_scan_ahead(int64_t row, int64_t step)
{
    return row > TK_ROW_AHEAD_BYTES ? step : step * (TK_ROW_AHEAD_BYTES / row);
}

/* n lines side by side in and out, row by row. */
TK_OUTLINE void tk_scan_columns(const tk_scan_work *w, char *out, const char *in, int64_t n,
                                const tk_scanner *f, tk_pieces *pieces)
{
    int64_t acc[TK_SCAN_COLUMNS];
    _Alignas(64) char written[TK_SCAN_COLUMNS * 8];
    int64_t out_dim = w->dim_step[0], in_dim = w->dim_step[1];
    if (w->reverse) {
        in += (w->length - 1) * in_dim;
        out += (w->length - 1) * out_dim;
        in_dim = -in_dim;
        out_dim = -out_dim;
    }
    if (!pieces) {
        f->rows(in, in_dim, out, out_dim, w->length, n, acc, 1, 0);
        return;
    }
    /* As many rows as fill the buffer, if they lie side by side. */
    const int64_t row = n * f->out_size, ahead = tk_scan_ahead(n * f->in_size, in_dim);
    const int64_t most = llabs(out_dim) == row ? TK_SCAN_COLUMNS / n : 1;
    for (int64_t done = 0, rows; done < w->length; done += rows) {
        rows = w->length - done < most ? w->length - done : most;
        const int64_t last = w->reverse ? rows - 1 : 0; /* the first row in memory */
        f->rows(in, in_dim, written + last * row, w->reverse ? -row : row, rows, n, acc, done == 0,
                ahead);
        tk_put_piece(pieces, out + last * out_dim, written, rows * row);
        in += rows * in_dim;
        out += rows * out_dim;
    }
}

/* A line in parts, which go through buffers where they do not lie side by side, and on the way out
 * where they go past the caches. */
TK_OUTLINE void tk_scan_parts(const tk_scan_work *w, char *out, const char *in, const tk_scanner *f,
                              tk_pieces *pieces)
{
    enum { PART = 1024 }; /* of doubles: 8 KiB */
    _Alignas(64) char read[PART * 8], written[PART * 8];
    int64_t carry;
    const int64_t out_dim = w->dim_step[0], in_dim = w->dim_step[1];
    const int gathers = in_dim != f->in_size, scatters = out_dim != f->out_size;
    const int64_t bytes = w->length * f->in_size, far = TK_ROW_AHEAD_BYTES;
    const int64_t ahead = !pieces || gathers ? 0 : !w->reverse ? far : bytes > far ? -far : far / bytes * bytes;
    for (int64_t done = 0, n; done < w->length; done += n) {
        n = w->length - done < PART ? w->length - done : PART;
        const int64_t start = w->reverse ? w->length - done - n : done;
        const char *x = in + start * in_dim;
        char *y = out + start * out_dim, *to = scatters || pieces ? written : y;
        if (gathers)
            tk_gather_span(x, &(tk_span){1, n, 0, in_dim}, read, f->in_size);
        f->lines(gathers ? read : x, 0, to, 0, 1, n, w->reverse, done ? &carry : f->start,
                 &carry, ahead);
        if (scatters)
            tk_scatter_span(y, &(tk_span){1, n, 0, out_dim}, written, f->out_size);
        else if (pieces)
            tk_put_piece(pieces, y, written, n * f->out_size);
    }
}

TK_OUTLINE void tk_scan_units(const void *work, int64_t lo, int64_t hi, const tk_scanner *f)
{
    const tk_scan_work *w = work;
    const tk_map_work *m = &w->rest;
    const int last = m->ndim - 1;
    const int64_t out_step = m->stride[0][last], in_step = m->stride[1][last];
    const int side_by_side = w->dim_step[0] == f->out_size && w->dim_step[1] == f->in_size;
    tk_pieces waiting = {.held = 0}, *const pieces = m->streams ? &waiting : NULL;
    int64_t index[TK_MAX_NDIM], n;
    char *row[2];
    for (tk_start_rows(m, lo, index); lo < hi; lo += n) {
        n = tk_next_row(m, 2, index, hi - lo, row);
        if (side_by_side && (!m->streams || w->length < TK_SCAN_SHORT)) {
            f->lines(row[1], in_step, row[0], out_step, n, w->length, w->reverse,
                     f->start, NULL, 0);
            continue;
        }
        /* by the number of all lines, not of this thread's: the two ways round differently */
        const int together = !side_by_side && m->size[last] > 1;
        const int columns = together && out_step == f->out_size && in_step == f->in_size;
        const int64_t most = columns ? TK_SCAN_COLUMNS : together ? TK_SCAN_LINES : 1;
        for (int64_t i = 0, some; i < n; i += some) {
            char *out = row[0] + i * out_step;
            const char *in = row[1] + i * in_step;
            some = n - i < most ? n - i : most;
            if (columns)
                tk_scan_columns(w, out, in, some, f, pieces);
            else if (together)
                tk_scan_block(w, out, out_step, in, in_step, some, f);
            else
                tk_scan_parts(w, out, in, f, pieces);
        }
    }
    if (pieces)
        tk_end_pieces(pieces);
}

#endif
