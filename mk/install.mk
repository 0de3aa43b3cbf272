INSTALL ?= install
PROBE_DIR := $(libdir)/memscope-top
$(BUILD)/o/src/keeper/find_probe.o: CPPFLAGS += -DMS_PROBE_FOLDER='"$(PROBE_DIR)"'

# What is installed besides the program and the probe: folder=files.
INSTALLED_DOCS := README.md CHANGELOG.md LICENSE docs/schema.json docs/schema-lines.json \
                  docs/schema-diff.json docs/format.md docs/config.example
datadir ?= $(prefix)/share
includedir ?= $(prefix)/include
INSTALLED := $(docdir)=$(INSTALLED_DOCS) \
    | $(mandir)/man1=man/memscope-top.1 \
    | $(mandir)/man5=man/memscope-top-config.5 man/memscope-format.5 \
    | $(mandir)/man3=man/memscope.3 \
    | $(mandir)/man7=man/memscope-top.7 \
    | $(includedir)=include/memscope.h \
    | $(datadir)/zsh/$(if $(filter /usr,$(prefix)),vendor-completions,site-functions)=completions/_memscope-top \
    | $(datadir)/fish/vendor_completions.d=completions/memscope-top.fish \
    | $(datadir)/applications=completions/memscope-top.desktop \
    | $(datadir)/mime/packages=completions/memscope-top.xml
# bash looks for a completion by the name of the program.
BASH_COMPLETION := $(datadir)/bash-completion/completions/memscope-top

#: install              installs under prefix=/usr/local (DESTDIR is respected)
.PHONY: install
install: all
	$(INSTALL) -d $(DESTDIR)$(bindir) $(DESTDIR)$(PROBE_DIR) $(dir $(DESTDIR)$(BASH_COMPLETION))
	$(INSTALL) -m 755 $(PROGRAM) $(DESTDIR)$(bindir)/memscope-top
	$(INSTALL) -m 644 $(PROBE) $(DESTDIR)$(PROBE_DIR)/libmemscope-probe.so
	$(INSTALL) -m 644 completions/memscope-top.bash $(DESTDIR)$(BASH_COMPLETION)
	@set -e; folder=; for word in $(subst |,,$(INSTALLED)); do case $$word in \
	    *=*) folder=$(DESTDIR)$${word%%=*}; $(INSTALL) -d "$$folder"; word=$${word#*=};; esac; \
	    $(INSTALL) -m 644 "$$word" "$$folder"; done

#: uninstall            removes what install put there
.PHONY: uninstall
uninstall:
	rm -f $(DESTDIR)$(bindir)/memscope-top $(DESTDIR)$(PROBE_DIR)/libmemscope-probe.so \
	    $(DESTDIR)$(BASH_COMPLETION)
	@folder=; for word in $(subst |,,$(INSTALLED)); do case $$word in \
	    *=*) folder=$(DESTDIR)$${word%%=*}; word=$${word#*=};; esac; \
	    rm -f "$$folder/$${word##*/}"; done
	-rmdir $(DESTDIR)$(PROBE_DIR) $(DESTDIR)$(docdir) 2>/dev/null || :

#: dist                 dist/memscope-top-VERSION.tar.gz of the committed tree
.PHONY: dist
dist:
	@mkdir -p dist
	git archive --format=tar.gz --prefix=memscope-top-$(VERSION)/ \
	    -o dist/memscope-top-$(VERSION).tar.gz HEAD
	@echo dist/memscope-top-$(VERSION).tar.gz

# From the committed tree, as `dist` makes it, with contrib/debian beside it; needs dpkg-dev and debhelper.
#: deb                  dist/*.dsc and dist/*.deb: a Debian source package and what it builds
.PHONY: deb
deb: dist
	rm -rf dist/memscope-top-$(VERSION)
	cp dist/memscope-top-$(VERSION).tar.gz dist/memscope-top_$(VERSION).orig.tar.gz
	tar -C dist -xzf dist/memscope-top-$(VERSION).tar.gz
	cp -r dist/memscope-top-$(VERSION)/contrib/debian dist/memscope-top-$(VERSION)/debian
	cd dist/memscope-top-$(VERSION) && dpkg-buildpackage --no-sign
	rm -rf dist/memscope-top-$(VERSION)
