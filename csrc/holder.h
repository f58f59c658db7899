/* What of Python's Tensor is C. The base: it holds a handle, which is released when it goes, and a node.
 * A finalizer in Python takes a fifth of an op of one element; and what is raised there, as by Ctrl-C,
 * is lost. How one is made, and its shape, which is asked for everywhere. And NumPy arrays and tensors in
 * each other's memory, by what NumPy calls the array interface. */
#ifndef TK_HOLDER_H
#define TK_HOLDER_H

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <structmember.h>

#include "mode.h"

/* Doors as Python calls them; cffi defines these below. */
static PyObject *_cffi_f_tk_release(PyObject *module, PyObject *handle);
static PyObject *_cffi_f_tk_key(PyObject *module, PyObject *handle);
static PyObject *_cffi_f_tk_address(PyObject *module, PyObject *handle);
static PyObject *_cffi_f_tk_at_address(PyObject *module, PyObject *address);

static PyObject *owners; /* by the owner of a storage: the Python object whose memory that is */
static PyObject *shapes; /* by their keys: those that were asked for */
static PyObject *array_dtypes; /* a list of what NumPy calls the dtypes, which Python fills */
static PyObject *tensor_type, *fail; /* Tensor, and what raises the last door's error */
static PyObject *dtypes;             /* a tuple of them, by their numbers */

/* -- the base of Tensor --------------------------------------------------------------------------- */

typedef struct holder {
    PyObject_HEAD
    PyObject *handle, *node;
} holder;

static void give_back(PyObject *handle)
{
    PyObject *owner = _cffi_f_tk_release(NULL, handle);
    if (!owner || (PyLong_AsLongLong(owner) && PyDict_DelItem(owners, owner)))
        PyErr_Clear(); /* no handle of ours, or nobody's memory */
    Py_XDECREF(owner);
}

static void holder_dealloc(PyObject *self)
{
    holder *h = (holder *)self;
    PyTypeObject *type = Py_TYPE(self);
    PyObject *kind, *value, *trace;
    PyObject_GC_UnTrack(self);
    PyErr_Fetch(&kind, &value, &trace); /* it may go because of an exception */
    if (h->handle)
        give_back(h->handle);
    PyErr_Restore(kind, value, trace);
    Py_XDECREF(h->handle);
    Py_XDECREF(h->node);
    PyObject_GC_Del(self);
    Py_DECREF((PyObject *)type);
}

static int holder_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT((PyObject *)Py_TYPE(self));
    Py_VISIT(((holder *)self)->handle);
    Py_VISIT(((holder *)self)->node);
    return 0;
}

static int holder_clear(PyObject *self) /* the handle stays: whoever goes with it may ask for it */
{
    Py_CLEAR(((holder *)self)->node);
    return 0;
}

static PyObject *holder_shape(PyObject *self, void *unused)
{
    PyObject *handle = ((holder *)self)->handle;
    if (!handle) {
        PyErr_SetString(PyExc_AttributeError, "shape: the tensor has no handle");
        return NULL;
    }
    PyObject *key = _cffi_f_tk_key(unused, handle);
    PyObject *shape = key ? PyDict_GetItem(shapes, key) : NULL;
    const int is_new = key && !shape;
    Py_XINCREF(shape);
    Py_XDECREF(key);
    return is_new ? PyObject_CallMethod(self, "_new_shape", NULL) : shape;
}

/* What a handle points to; NULL with an exception for what is none. */
static const tk_tensor *tensor_of(PyObject *handle)
{
    PyObject *address = handle ? _cffi_f_tk_address(NULL, handle) : NULL;
    const tk_tensor *t = address ? PyLong_AsVoidPtr(address) : NULL;
    Py_XDECREF(address);
    if (!t && !PyErr_Occurred())
        PyErr_SetString(PyExc_AttributeError, "the tensor has no handle");
    return t;
}

static PyObject *holder_dtype(PyObject *self, void *unused)
{
    const tk_tensor *t = tensor_of(((holder *)self)->handle);
    PyObject *dtype = t ? PyTuple_GetItem(dtypes, t->dtype) : NULL;
    (void)unused;
    Py_XINCREF(dtype);
    return dtype;
}

static PyObject *holder_ndim(PyObject *self, void *unused)
{
    const tk_tensor *t = tensor_of(((holder *)self)->handle);
    (void)unused;
    return t ? PyLong_FromLong(t->ndim) : NULL;
}

static PyGetSetDef holder_getters[] = {
    {"shape", holder_shape, NULL, "The sizes of the dimensions.", NULL},
    {"dtype", holder_dtype, NULL, "The element type.", NULL},
    {"ndim", holder_ndim, NULL, "The number of dimensions.", NULL},
    {NULL, NULL, NULL, NULL, NULL}};

static PyMemberDef holder_members[] = {{"_h", T_OBJECT_EX, offsetof(holder, handle), 0, NULL},
                                       {"_node", T_OBJECT_EX, offsetof(holder, node), 0, NULL},
                                       {NULL, 0, 0, 0, NULL}};

static PyType_Slot holder_slots[] = {{Py_tp_dealloc, (void *)holder_dealloc},
                                     {Py_tp_traverse, (void *)holder_traverse},
                                     {Py_tp_clear, (void *)holder_clear},
                                     {Py_tp_members, holder_members},
                                     {Py_tp_getset, holder_getters},
                                     {0, NULL}};

static PyType_Spec holder_spec = {
    .name = "tinygrad_k._kernels.Holder",
    .basicsize = (int)sizeof(holder),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = holder_slots,
};

/* -- tensors of handles ------------------------------------------------------------------------------ */

static PyObject *use_tensor(PyObject *module, PyObject *all)
{
    (void)module;
    if (!PyArg_ParseTuple(all, "OOO", &tensor_type, &fail, &dtypes))
        return NULL;
    Py_INCREF(tensor_type); /* for good */
    Py_INCREF(fail);
    Py_INCREF(dtypes);
    Py_INCREF(Py_None);
    return Py_None;
}

/* A Tensor around a new handle from a door, outside the graph; the door's error for NULL. */
static PyObject *wrap(PyObject *module, PyObject *handle)
{
    (void)module;
    if (PyObject_IsTrue(handle) != 1)
        return PyObject_CallFunctionObjArgs(fail, NULL);
    PyObject *made = PyType_GenericAlloc((PyTypeObject *)tensor_type, 0);
    if (!made) {
        give_back(handle);
        return PyErr_NoMemory();
    }
    Py_INCREF(handle);
    Py_INCREF(Py_None);
    ((holder *)made)->handle = handle;
    ((holder *)made)->node = Py_None;
    return made;
}

/* -- NumPy's array interface ------------------------------------------------------------------------ */

typedef struct array_struct {
    int two, nd;
    char kind;
    int itemsize, flags;
    Py_ssize_t *shape, *strides; /* in bytes */
    void *data;
    PyObject *descr;
} array_struct;

enum { ROW_MAJOR = 1, ALIGNED = 0x100, NATIVE = 0x200, WRITEABLE = 0x400, HAS_DESCR = 0x800 };
static const char array_kinds[TK_NUM_DTYPES] = {'f', 'f', 'i', 'i', 'u', 'b'};
_Static_assert(sizeof(Py_ssize_t) == sizeof(int64_t), "sizes are counted in 64 bits on either side");

static void free_struct(PyObject *capsule)
{
    free(PyCapsule_GetPointer(capsule, NULL));
}

/* How NumPy sees a handle's memory. */
static PyObject *struct_of(PyObject *module, PyObject *handle)
{
    const tk_tensor *t = tensor_of(handle);
    (void)module;
    if (!t)
        return NULL;
    const size_t room = (size_t)t->ndim * sizeof(Py_ssize_t);
    array_struct *a = malloc(sizeof *a + 2 * room);
    if (!a)
        return PyErr_NoMemory();
    *a = (array_struct){.two = 2,
                        .nd = t->ndim,
                        .kind = array_kinds[t->dtype],
                        .itemsize = tk_item_size[t->dtype],
                        .flags = ALIGNED | NATIVE | (t->storage->readonly ? 0 : WRITEABLE) | HAS_DESCR,
                        .shape = (Py_ssize_t *)(a + 1),
                        .strides = (Py_ssize_t *)(a + 1) + t->ndim,
                        .data = t->data,
                        .descr = PyList_GetItem(array_dtypes, t->dtype)}; /* or a string would be read */
    for (int d = 0; d < t->ndim; d++) {
        a->shape[d] = t->shape[d];
        a->strides[d] = t->stride[d] * a->itemsize;
    }
    PyObject *capsule = PyCapsule_New(a, NULL, free_struct);
    if (!capsule)
        free(a);
    return capsule;
}

/* The dtype of what is in an array; -1 where it is none, or may not be a dtype's values. */
static int plain_dtype(const array_struct *a)
{
    const int plain = ROW_MAJOR | ALIGNED | NATIVE | WRITEABLE;
    for (int dtype = 0; dtype < TK_BOOL; dtype++)
        if (a->kind == array_kinds[dtype] && a->itemsize == tk_item_size[dtype])
            return (a->flags & plain) == plain && a->nd <= TK_MAX_NDIM ? dtype : -1;
    return -1;
}

/* A handle on the memory of an array that is row-major and writeable; None for any other. */
static PyObject *of_array(PyObject *module, PyObject *array)
{
    static int64_t last;
    PyObject *capsule = PyObject_GetAttrString(array, "__array_struct__"), *found = NULL;
    const array_struct *a = capsule ? PyCapsule_GetPointer(capsule, NULL) : NULL;
    const int dtype = a ? plain_dtype(a) : -1;
    if (dtype >= 0) {
        int64_t nbytes = a->itemsize;
        for (int d = 0; d < a->nd; d++)
            nbytes *= a->shape[d];
        tk_tensor *t = tk_wrap(a->data, nbytes, ++last, 0, dtype, a->nd, (int64_t *)a->shape, NULL);
        PyObject *owner = PyLong_FromLongLong(last), *address = PyLong_FromVoidPtr(t);
        if (owner && address && (!t || !PyDict_SetItem(owners, owner, array)))
            found = _cffi_f_tk_at_address(module, address);
        if (!found && t)
            tk_release(t);
        Py_XDECREF(owner);
        Py_XDECREF(address);
    } else if (a) {
        found = Py_None;
        Py_INCREF(found);
    }
    Py_XDECREF(capsule);
    return found;
}

/* -- in the module ---------------------------------------------------------------------------------- */

static PyMethodDef functions[] = {{"use_tensor", use_tensor, METH_VARARGS, NULL},
                                  {"wrap", wrap, METH_O, NULL},
                                  {"struct_of", struct_of, METH_O, NULL},
                                  {"of_array", of_array, METH_O, NULL}};

/* 0, or -1: puts a new object, which may be NULL for an exception, into the module. */
static int put(PyObject *module, const char *name, PyObject *object)
{
    if (object && !PyModule_AddObject(module, name, object))
        return 0;
    Py_XDECREF(object);
    return -1;
}

/* The module that cffi has made, with all this beside ``ffi`` and ``lib``. */
static PyObject *with_holder(PyObject *module)
{
    int failed = !module || put(module, "Holder", PyType_FromSpec(&holder_spec)) ||
                 put(module, "Block", PyType_FromSpec(&block_spec)) ||
                 put(module, "owners", owners = PyDict_New()) ||
                 put(module, "shapes", shapes = PyDict_New()) ||
                 put(module, "array_dtypes", array_dtypes = PyList_New(0));
    for (size_t i = 0; i < sizeof functions / sizeof *functions && !failed; i++)
        failed = put(module, functions[i].ml_name, PyCFunction_NewEx(&functions[i], NULL, NULL));
    if (!failed) {
        Py_INCREF(owners); /* also of a module that was taken apart */
        Py_INCREF(shapes);
        Py_INCREF(array_dtypes);
        return module;
    }
    Py_XDECREF(module);
    return NULL;
}

#define _cffi_init(name, version, context) with_holder(_cffi_init(name, version, context))

#endif
