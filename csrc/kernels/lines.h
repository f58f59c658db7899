/* Walking the input of a reduction: as lines (one output, its elements side by side) or as columns
 * (many outputs, side by side, one row of elements after the other). Compiled once an instruction
 * set; element types and mathematics come in through a tk_reducer. */
#ifndef TK_LINES_H
#define TK_LINES_H

#include "move.h"
#include "rows.h"
#include "work.h"

/* A line goes through 256 bytes' worth of lanes whatever the register width, lane i taking elements
 * i, i + TK_LANES ..., and the lanes are folded in halves: every instruction set gives the same bits. */
#define TK_LANES ((int)(256 / sizeof(T)))
#define TK_VECTORS (TK_LANES / W)
#define TK_EACH_VECTOR(v) _Pragma("GCC unroll 16") for (int v = 0; v < TK_VECTORS; v++)

/* n elements that lie `stride` bytes apart, converted and copied side by side. */
typedef void tk_stage(void *restrict out, const char *restrict in, int64_t stride, int64_t n);
/* out = the reduction of x[0..n); pivot is this output's, or NULL. n > 0. */
typedef void tk_line_fn(void *out, const void *x, int64_t n, const void *pivot);
/* The same for some lines, `step` elements apart. */
typedef void tk_line_group_fn(void *out, const void *x, int64_t n, int64_t step, int64_t lines,
                              const void *pivot);
enum { TK_ROW_GROUP = 8 };
/* acc[j] = the reduction of row[0..rows)[j], and of what acc[j] was unless first; rows is 1 to
 * TK_ROW_GROUP. */
typedef void tk_column_fn(void *acc, const char *const *row, int rows, int64_t n, int first,
                          const void *pivot);
/* Turns n accumulated values into results. */
typedef void tk_finish_fn(void *out, int64_t n, double p, const void *pivot);

typedef struct tk_reducer {
    int in_size, size; /* bytes of an input element and of an accumulator */
    int direct;        /* the two are one type: input that is contiguous needs no staging */
    tk_stage *stage;   /* where they are not */
    tk_line_fn *line;
    tk_line_group_fn *lines;
    tk_column_fn *columns, *merge; /* of elements, and of what they were reduced to */
    tk_finish_fn *finish;          /* or NULL */
} tk_reducer;

/* An index into some dimensions and the byte offset that belongs to it. */
typedef struct tk_cursor {
    int64_t index[TK_MAX_NDIM], offset;
} tk_cursor;

static inline void tk_seek(tk_cursor *at, const tk_dims *dims, int64_t element)
{
    at->offset = 0;
    for (int d = dims->n - 1; d >= 0; d--) {
        int64_t above = d > 0 ? element / dims->size[d] : 0;
        at->index[d] = element - above * dims->size[d];
        at->offset += at->index[d] * dims->stride[d];
        element = above;
    }
}

/* Moves by `step` elements, which must not lead past the end of the innermost dimension. */
static inline void tk_advance(tk_cursor *at, const tk_dims *dims, int64_t step)
{
    int d = dims->n - 1;
    at->index[d] += step;
    at->offset += step * dims->stride[d];
    for (; d > 0 && at->index[d] == dims->size[d]; d--) {
        at->offset += dims->stride[d - 1] - dims->size[d] * dims->stride[d];
        at->index[d] = 0;
        at->index[d - 1]++;
    }
}

/* Elements `step` bytes apart, side by side in `to`, of the accumulators' type. */
static inline void tk_stage_span(const tk_reducer *f, char *to, const char *from, int64_t step,
                                 int64_t n)
{
    if (f->direct)
        tk_gather_span(from, &(tk_span){1, n, 0, step}, to, f->size);
    else
        f->stage(to, from, step, n);
}

/* Elements [start, start + n) of one line: in place where contiguous, else in the buffer. */
static inline const void *tk_line(const tk_reduce_work *w, const tk_reducer *f, const char *base,
                                  int64_t start, int64_t n, char *buffer)
{
    const tk_dims *dims = &w->reduced;
    const int last = dims->n - 1;
    tk_cursor at;
    tk_seek(&at, dims, start);
    if (f->direct && (dims->stride[last] == f->size || n == 1) &&
        n <= dims->size[last] - at.index[last])
        return base + at.offset;
    for (int64_t done = 0, part; done < n; done += part) {
        part = dims->size[last] - at.index[last];
        if (part > n - done)
            part = n - done;
        tk_stage_span(f, buffer + done * f->size, base + at.offset, dims->stride[last], part);
        tk_advance(&at, dims, part);
    }
    return buffer;
}

static inline const void *tk_pivot(const tk_reduce_work *w, const tk_reducer *f, int64_t output)
{
    return w->pivot ? w->pivot + output * f->size : NULL;
}

/* Lines of a few elements: so many of them are turned to columns. */
enum { TK_SHORT_LINE = 32, TK_SHORT_LINES = 64 };
_Static_assert(TK_SHORT_LINE * TK_SHORT_LINES * 8 <= TK_CHUNK_BYTES, "doubles fit the buffer");

static inline int tk_is_short(const tk_reduce_work *w, const tk_reducer *f)
{
    return w->length <= TK_SHORT_LINE && w->kept.n == 1 && w->reduced.n == 1 &&
           (f->direct || (w->reduced.stride[0] == f->in_size &&
                          w->kept.stride[0] == w->length * f->in_size));
}

TK_OUTLINE void tk_reduce_short_lines(const tk_reduce_work *w, int64_t lo, int64_t hi,
                                      const tk_reducer *f)
{
    _Alignas(64) char buffer[TK_CHUNK_BYTES], staged[TK_CHUNK_BYTES];
    for (int64_t n; lo < hi; lo += n) {
        n = hi - lo < TK_SHORT_LINES ? hi - lo : TK_SHORT_LINES;
        const char *row[TK_ROW_GROUP], *base = w->in + lo * w->kept.stride[0];
        const void *pivot = tk_pivot(w, f, lo);
        int64_t step = w->kept.stride[0];
        char *out = w->out + lo * f->size;
        if (!f->direct) {
            f->stage(staged, base, f->in_size, n * w->length);
            base = staged;
            step = w->length * f->size;
        }
        const tk_span span = {w->length, n, f->direct ? w->reduced.stride[0] : f->size, step};
        tk_gather_span(base, &span, buffer, f->size);
        for (int64_t r = 0; r < w->length; r += TK_ROW_GROUP) {
            int group = w->length - r < TK_ROW_GROUP ? (int)(w->length - r) : TK_ROW_GROUP;
            for (int i = 0; i < group; i++)
                row[i] = buffer + (r + i) * n * f->size;
            f->columns(out, row, group, n, r == 0, pivot);
        }
        if (w->last && f->finish)
            f->finish(out, n, w->p, pivot);
    }
}

/* Whole lines, each one chunk and with the same steps: nothing to look up in between. */
static inline int tk_is_plain(const tk_reduce_work *w, const tk_reducer *f)
{
    const int64_t line = w->kept.stride[0], step = w->reduced.stride[0];
    return w->chunks == 1 && w->kept.n == 1 && w->reduced.n == 1 &&
           (f->direct ? step != f->size || line % f->size == 0
                      : step == f->in_size && line == w->length * step);
}

TK_OUTLINE void tk_reduce_plain_lines(const tk_reduce_work *w, int64_t lo, int64_t hi,
                                      const tk_reducer *f)
{
    _Alignas(64) char buffer[TK_CHUNK_BYTES];
    const int64_t line = w->kept.stride[0], step = w->reduced.stride[0], n = w->length;
    const void *pivot = tk_pivot(w, f, lo);
    char *out = w->out + lo * f->size;
    if (f->direct && step == f->size) {
        f->lines(out, w->in + lo * line, n, line / f->size, hi - lo, pivot);
    } else { /* side by side in the buffer, as many as it holds */
        const int64_t most = TK_CHUNK_BYTES / (n * f->size);
        for (int64_t at = lo, some; at < hi; at += some) {
            const char *from = w->in + at * line;
            some = hi - at < most ? hi - at : most;
            if (f->direct)
                tk_gather_span(from, &(tk_span){some, n, line, step}, buffer, f->size);
            else
                f->stage(buffer, from, f->in_size, some * n);
            f->lines(w->out + at * f->size, buffer, n, n, some, tk_pivot(w, f, at));
        }
    }
    if (w->last && f->finish)
        f->finish(out, hi - lo, w->p, pivot);
}

/* Whether the elements of each line lie side by side. */
static inline int tk_is_contiguous(const tk_reduce_work *w, const tk_reducer *f)
{
    return !w->columns && w->reduced.n == 1 && w->reduced.stride[0] == f->in_size;
}

TK_OUTLINE void tk_reduce_lines(const tk_reduce_work *w, int64_t lo, int64_t hi,
                                const tk_reducer *f)
{
    _Alignas(64) char buffer[TK_CHUNK_BYTES];
    int64_t output = lo / w->chunks, chunk = lo % w->chunks;
    const int joins = w->chunks > 1 && f->direct && !w->pivot && tk_is_contiguous(w, f);
    tk_cursor kept;
    tk_seek(&kept, &w->kept, output);
    for (int64_t some; lo < hi; lo += some) {
        int64_t start = chunk * w->chunk, n = w->length - start;
        if (n > w->chunk)
            n = w->chunk;
        char *out = w->out + lo * f->size;
        const void *pivot = tk_pivot(w, f, output);
        some = 1;
        if (joins && n == w->chunk) { /* whole chunks of a line lie like lines */
            some = w->length / w->chunk - chunk;
            some = some < hi - lo ? some : hi - lo;
            f->lines(out, w->in + kept.offset + start * f->size, n, n, some, NULL);
        } else {
            f->line(out, tk_line(w, f, w->in + kept.offset, start, n, buffer), n, pivot);
        }
        if (w->last && f->finish)
            f->finish(out, 1, w->p, pivot);
        if ((chunk += some) == w->chunks) {
            chunk = 0;
            output++;
            tk_advance(&kept, &w->kept, 1);
        }
    }
}

/* Rows of columns, the first of them at *at, side by side in `row`: in place, or in the buffer. */
static inline int tk_row_group(const tk_reduce_work *w, const tk_reducer *f, const char *base,
                               tk_cursor *at, int64_t rows, int64_t n, char *buffer,
                               const char *row[TK_ROW_GROUP])
{
    const int group = rows < TK_ROW_GROUP ? (int)rows : TK_ROW_GROUP;
    const int64_t step = w->kept.stride[w->kept.n - 1];
    if (w->reduced.n == 1 && f->direct && step == f->size) { /* the same, without look-ups */
        for (int i = 0; i < group; i++)
            row[i] = base + at->offset + i * w->reduced.stride[0];
        at->offset += group * w->reduced.stride[0];
        return group;
    }
    for (int i = 0; i < group; i++) {
        row[i] = base + at->offset;
        tk_advance(at, &w->reduced, 1);
        if (!f->direct || step != f->size) {
            char *staged = buffer + i * (TK_CHUNK_BYTES / TK_ROW_GROUP);
            tk_stage_span(f, staged, row[i], step, n);
            row[i] = staged;
        }
    }
    return group;
}

/* The columns side by side at a time. A tile of accumulators and a group of rows fit in L1. Whole rows
 * of cold memory are read one after the other, as it is fetched, with one more tile for the group. */
enum { TK_TILE_BYTES = 4096, TK_COLD_TILE_BYTES = 8192 };

TK_OUTLINE void tk_reduce_columns(const tk_reduce_work *w, int64_t lo, int64_t hi,
                                  const tk_reducer *f)
{
    _Alignas(64) char buffer[TK_CHUNK_BYTES];
    const int inner = w->kept.n - 1;
    const int direct = f->direct && w->kept.stride[inner] == f->size;
    const int one_by_one = direct && w->cold && w->kept.size[inner] * f->size <= TK_COLD_TILE_BYTES;
    const int64_t tile_bytes = one_by_one ? TK_COLD_TILE_BYTES
                               : direct   ? TK_TILE_BYTES
                                          : TK_CHUNK_BYTES / TK_ROW_GROUP;
    int64_t chunk = lo / w->outputs, output = lo % w->outputs;
    tk_cursor kept, at;
    tk_seek(&kept, &w->kept, output);
    for (int64_t n; lo < hi; lo += n) {
        int64_t start = chunk * w->chunk, rows = w->length - start;
        if (rows > w->chunk)
            rows = w->chunk;
        n = w->kept.size[inner] - kept.index[inner];
        n = n > tile_bytes / f->size ? tile_bytes / f->size : n;
        n = n > hi - lo ? hi - lo : n;
        char *out = w->out + lo * f->size;
        const void *pivot = tk_pivot(w, f, output);
        const char *row[TK_ROW_GROUP], *base = w->in + kept.offset, *const sum = buffer;
        tk_seek(&at, &w->reduced, start);
        for (int64_t r = 0, group; r < rows; r += group) {
            group = tk_row_group(w, f, base, &at, rows - r, n, buffer, row);
            if (!one_by_one) {
                f->columns(out, row, (int)group, n, r == 0, pivot);
                continue;
            }
            for (int i = 0; i < group; i++)
                f->columns(buffer, row + i, 1, n, i == 0, pivot);
            f->merge(out, &sum, 1, n, r == 0, NULL);
        }
        if (w->last && f->finish)
            f->finish(out, n, w->p, pivot);
        output += n;
        tk_advance(&kept, &w->kept, n);
        if (output == w->outputs) {
            output = 0;
            chunk++;
            tk_seek(&kept, &w->kept, 0);
        }
    }
}

TK_OUTLINE void tk_reduce_units(const void *work, int64_t lo, int64_t hi, const tk_reducer *f)
{
    const tk_reduce_work *w = work;
    if (w->columns)
        tk_reduce_columns(w, lo, hi, f);
    else if (tk_is_short(w, f))
        tk_reduce_short_lines(w, lo, hi, f);
    else if (tk_is_plain(w, f))
        tk_reduce_plain_lines(w, lo, hi, f);
    else
        tk_reduce_lines(w, lo, hi, f);
}

/* What a chunk of a contiguous line is reduced to. */
typedef int64_t tk_ask_fn(const void *x, int64_t n);

/* An answer that decides is that of the whole line: nothing more of it is read. */
TK_OUTLINE void tk_ask_lines(const tk_reduce_work *w, int64_t lo, int64_t hi, const tk_reducer *f,
                             tk_ask_fn *ask, int64_t decisive)
{
    int64_t output = lo / w->chunks, chunk = lo % w->chunks, answer = 0;
    int decided = 0;
    tk_cursor kept;
    tk_seek(&kept, &w->kept, output);
    for (; lo < hi; lo++) {
        const int64_t start = chunk * w->chunk, rest = w->length - start;
        if (!decided)
            answer = ask(w->in + kept.offset + start * f->in_size,
                         rest < w->chunk ? rest : w->chunk);
        decided = answer == decisive;
        if (f->size == 1)
            ((uint8_t *)w->out)[lo] = (uint8_t)answer;
        else
            ((int64_t *)(void *)w->out)[lo] = answer;
        if (++chunk == w->chunks) {
            chunk = decided = 0;
            output++;
            tk_advance(&kept, &w->kept, 1);
        }
    }
}

/* The position of an extreme: the index in the line of the first of the values that a scan finds,
 * looked up in `index` where the values are those that an earlier phase found. */
typedef int64_t tk_find_fn(const void *x, int64_t n);
/* Of rows [at, at + rows) of n columns, and unless first of best and place: best and place. */
typedef void tk_find_rows_fn(void *best, int64_t *place, const char *const *row, int rows, int64_t n,
                             int64_t at, int first);

TK_OUTLINE void tk_find_columns(const tk_reduce_work *w, int64_t lo, int64_t hi,
                                const tk_reducer *f, tk_find_rows_fn *find)
{
    enum { TILE = TK_CHUNK_BYTES / TK_ROW_GROUP / 8 };
    _Alignas(64) char buffer[TK_CHUNK_BYTES];
    _Alignas(64) char values[TILE * 8];
    const int inner = w->kept.n - 1;
    int64_t chunk = lo / w->outputs, output = lo % w->outputs;
    tk_cursor kept, at;
    tk_seek(&kept, &w->kept, output);
    for (int64_t n; lo < hi; lo += n) {
        int64_t start = chunk * w->chunk, rows = w->length - start;
        if (rows > w->chunk)
            rows = w->chunk;
        n = w->kept.size[inner] - kept.index[inner];
        n = n > TILE ? TILE : n;
        n = n > hi - lo ? hi - lo : n;
        int64_t *place = w->out_index + lo;
        char *best = w->out ? w->out + lo * f->size : values;
        const char *row[TK_ROW_GROUP];
        tk_seek(&at, &w->reduced, start);
        for (int64_t r = 0, group; r < rows; r += group) {
            group = tk_row_group(w, f, w->in + kept.offset, &at, rows - r, n, buffer, row);
            find(best, place, row, (int)group, n, start + r, r == 0);
        }
        for (int64_t i = 0; w->in_index && i < n; i++)
            place[i] = w->in_index[place[i] * w->outputs + output + i];
        output += n;
        tk_advance(&kept, &w->kept, n);
        if (output == w->outputs) {
            output = 0;
            chunk++;
            tk_seek(&kept, &w->kept, 0);
        }
    }
}

/* Short lines, turned to columns. */
TK_OUTLINE void tk_find_short_lines(const tk_reduce_work *w, int64_t lo, int64_t hi,
                                    const tk_reducer *f, tk_find_rows_fn *find)
{
    _Alignas(64) char buffer[TK_CHUNK_BYTES];
    _Alignas(64) char values[TK_SHORT_LINES * 8];
    for (int64_t n; lo < hi; lo += n) {
        n = hi - lo < TK_SHORT_LINES ? hi - lo : TK_SHORT_LINES;
        const char *row[TK_ROW_GROUP];
        int64_t *place = w->out_index + lo;
        const tk_span span = {w->length, n, w->reduced.stride[0], w->kept.stride[0]};
        tk_gather_span(w->in + lo * w->kept.stride[0], &span, buffer, f->size);
        for (int64_t r = 0, group; r < w->length; r += group) {
            group = w->length - r < TK_ROW_GROUP ? w->length - r : TK_ROW_GROUP;
            for (int i = 0; i < group; i++)
                row[i] = buffer + (r + i) * n * f->size;
            find(w->out ? w->out + lo * f->size : values, place, row, (int)group, n, r, r == 0);
        }
    }
}

TK_OUTLINE void tk_find_units(const void *work, int64_t lo, int64_t hi, const tk_reducer *f,
                              tk_find_fn *find, tk_find_rows_fn *find_rows)
{
    _Alignas(64) char buffer[TK_CHUNK_BYTES];
    const tk_reduce_work *w = work;
    if (w->columns) {
        tk_find_columns(w, lo, hi, f, find_rows);
        return;
    }
    if (tk_is_short(w, f) && !w->in_index) {
        tk_find_short_lines(w, lo, hi, f, find_rows);
        return;
    }
    int64_t output = lo / w->chunks, chunk = lo % w->chunks;
    tk_cursor kept;
    tk_seek(&kept, &w->kept, output);
    for (; lo < hi; lo++) {
        int64_t start = chunk * w->chunk, n = w->length - start;
        if (n > w->chunk)
            n = w->chunk;
        const char *x = tk_line(w, f, w->in + kept.offset, start, n, buffer);
        int64_t found = find(x, n), position = start + found;
        if (w->out)
            memcpy(w->out + lo * f->size, x + found * f->size, (size_t)f->size);
        w->out_index[lo] = w->in_index ? w->in_index[output * w->length + position] : position;
        if (++chunk == w->chunks) {
            chunk = 0;
            output++;
            tk_advance(&kept, &w->kept, 1);
        }
    }
}

/* What kernels of rows treat at a time: `rows` lines of n elements each, one behind the other, or n
 * lines side by side, `rows` elements of each; stride elements from row to row. */
typedef struct tk_block {
    int64_t rows, n, stride;
    int streams;
} tk_block;

/* Lines one behind the other that every step of a row kernel does before the next step begins: the
 * chains of their sums run at once, where one line's would be waited for. Together they are short. */
enum { TK_BLOCK_LINES = 8, TK_LINES_ELEMENTS = 4096 };

static inline int64_t tk_lines_together(int64_t length, int64_t most)
{
    int64_t lines = length * TK_BLOCK_LINES <= TK_LINES_ELEMENTS ? TK_BLOCK_LINES : 1;
    return lines < most ? lines : most;
}

/* The block that starts with line lo and at element *at; returns how many lines it has. */
static inline int64_t tk_next_lines(const tk_rows_work *w, int64_t lo, int64_t hi, tk_block *b,
                                    int64_t *at)
{
    *b = (tk_block){.rows = tk_lines_together(w->length, hi - lo),
                    .n = w->length,
                    .stride = w->length,
                    .streams = w->streams};
    *at = lo * w->length;
    return b->rows;
}

/* The same of at most so many lines that lie across each other. */
static inline int64_t tk_next_columns(const tk_rows_work *w, int64_t lo, int64_t hi, int64_t most,
                                      tk_block *b, int64_t *at)
{
    const int64_t column = lo % w->inner, left = w->inner - column;
    const int64_t n = left < hi - lo ? left : hi - lo;
    *b = (tk_block){.rows = w->length,
                    .n = n < most ? n : most,
                    .stride = w->inner,
                    .streams = w->streams};
    *at = lo / w->inner * w->length * w->inner + column;
    return b->n;
}

/* Reductions of the types that others accumulate in, defined when those are included. */
static tk_line_fn sum_line_i64, prod_line_i64, amax_line_bool, amin_line_bool;
static tk_line_group_fn sum_lines_i64, prod_lines_i64, amax_lines_bool, amin_lines_bool;
static tk_column_fn sum_columns_i64, prod_columns_i64, amax_columns_bool, amin_columns_bool;

#endif
